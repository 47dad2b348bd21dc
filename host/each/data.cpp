#include <nabla/fit_each.hpp>

#include <algorithm>
#include <string>

// The data of many fits, from columns of several shapes.

namespace nabla::detail {

void refuse_without_residuals() {
  throw Error(
      "minimize_each: levenberg_marquardt is for sums of squares; expected a functor that returns a std::array of "
      "residuals, or a formula with several outputs, found a function of one");
}
void refuse_newton(const char* call, const char* way_out) {
  throw Error(std::string(call) + ": newton_cg needs second derivatives, which residuals are not asked for; " +
              way_out);
}

template <class T>
EachData<T> each_data(std::int64_t starts, std::int64_t columns, const std::vector<BatchView<const T>>& given) {
  const auto found = static_cast<std::int64_t>(given.size());
  if (columns == 0) throw ShapeError("fit_each: the model has no data; without data there is minimize_each");
  if (found != columns) {
    throw ShapeError("fit_each: the model has " + std::to_string(columns) + (columns == 1 ? " column" : " columns") +
                     " of data, found " + std::to_string(found));
  }
  EachData<T> data{0, given};
  for (const auto& column : given) data.rows = std::max(data.rows, column.components);
  for (std::int64_t k = 0; k < columns; ++k) {
    BatchView<const T>& column = data.columns[static_cast<std::size_t>(k)];
    const bool fits = (column.count == starts || column.count == 1) &&
                      (column.components == data.rows || column.components == 1) && column.components >= 1;
    if (!fits) {
      throw ShapeError("fit_each: column " + std::to_string(k) + " of the data must have the shape (" +
                       std::to_string(starts) + " or 1, " + std::to_string(std::max<std::int64_t>(data.rows, 1)) +
                       " or 1), found (" + std::to_string(column.count) + ", " + std::to_string(column.components) +
                       ")");
    }
    if (column.count == 1) column.item_stride = 0;
    if (column.components == 1) column.component_stride = 0;
  }
  return data;
}
template EachData<float> each_data(std::int64_t, std::int64_t, const std::vector<BatchView<const float>>&);
template EachData<double> each_data(std::int64_t, std::int64_t, const std::vector<BatchView<const double>>&);

}  // namespace nabla::detail
