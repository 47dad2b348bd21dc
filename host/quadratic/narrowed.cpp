#include "narrowed.hpp"

#include "../vectors.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <type_traits>
#include <utility>

namespace nabla::detail {

namespace {

[[noreturn]] void refuse(double number) {
  std::ostringstream text;
  text << "minimize: mixed_precision needs a matrix whose numbers float can hold, found " << number;
  throw Error(text.str());
}

/// The place of the first number that becomes infinite, or -1.
std::int64_t narrow(int threads, const double* from, float* to, std::int64_t count) {
  std::int64_t first = count;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(min : first)
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<float>(from[i]);
    if (std::isinf(to[i]) && !std::isinf(from[i])) first = std::min(first, i);
  }
  return first < count ? first : -1;
}

/// What is narrowed and what is shared makes a matrix like the one over double.
class Narrowing {
 public:
  explicit Narrowing(const StoredMatrix<double>& a)
      : a_(a), made_(std::make_shared<StoredMatrix<float>>(a.executor, a.size)) {
    made_->memory.push_back(a.shared_from_this());
    made_->cheap = a.cheap;
    made_->nonzeros = a.nonzeros;
    made_->format = a.format;
    made_->bytes = a.bytes;
    made_->bytes_of = a.bytes_of;
  }

  std::shared_ptr<const SymmetricMatrix<float>> make() {
    std::visit([this](const auto& rows) { take(rows); }, a_.stored);
    return made_;
  }

 private:
  const float* put(const double* numbers, std::int64_t count) {
    auto kept = std::make_shared<const Array<float>>(narrowed_numbers(a_.executor, numbers, count));
    made_->memory.push_back(kept);
    made_->bytes_of[kept->data()] = count * static_cast<std::int64_t>(sizeof(float));
    return kept->data();
  }
  void take(const PatternRows<double>& rows) {
    made_->stored = PatternRows<float>{rows.rows,
                                       rows.reach,
                                       rows.starts,
                                       rows.offsets,
                                       put(rows.coefficients, a_.coefficients),
                                       put(rows.main, a_.patterns),
                                       rows.runs,
                                       rows.run_rows,
                                       rows.run_patterns,
                                       rows.sequences,
                                       rows.patterns};
  }
  template <class Kept>
  void take(const DiagonalRows<double, Kept>& rows) {
    DiagonalRows<float, float> narrow{rows.rows, rows.reach, rows.count, {}, nullptr};
    std::ranges::copy(rows.offsets, narrow.offsets);
    if constexpr (std::is_same_v<Kept, float>) {
      narrow.diagonals = rows.diagonals;
    } else {
      narrow.diagonals = put(rows.diagonals, rows.count * rows.rows);
      made_->bytes *= 0.5;
    }
    made_->stored = narrow;
  }
  template <class Entries>
  void take(const SliceRows<double, Entries>& rows) {
    const auto with = [&]<class Narrow>(const Narrow& entries) {
      made_->stored =
          SliceRows<float, Narrow>{rows.rows, entries, rows.starts, rows.places, rows.counts, rows.first_counts};
    };
    if constexpr (std::is_same_v<Entries, NumberedEntries<double>>) {
      const float* const numbers = put(rows.entries.numbers, a_.coefficients);
      with(NumberedEntries<float>{rows.entries.words, numbers, rows.entries.column_bits});
    } else if constexpr (std::is_same_v<Entries, ListedEntries<double, float>>) {
      with(ListedEntries<float, float>{rows.entries.columns, rows.entries.kept});
    } else {
      made_->bytes -= static_cast<double>(a_.coefficients) * (sizeof(double) - sizeof(float));
      with(ListedEntries<float, float>{rows.entries.columns, put(rows.entries.kept, a_.coefficients)});
    }
  }
  void take(const GivenRows<double>&) { throw Error("minimize: a product is no matrix"); }

  const StoredMatrix<double>& a_;
  std::shared_ptr<StoredMatrix<float>> made_;
};

}  // namespace

Array<float> narrowed_numbers(const Executor& executor, const double* numbers, std::int64_t count) {
  Array<float> made(executor, count);
  if (!executor.is_cuda()) {
    const std::int64_t lost = narrow(executor.threads(), numbers, made.data(), count);
    if (lost >= 0) refuse(numbers[lost]);
    return made;
  }
  constexpr std::int64_t at_once = 1 << 20;
  std::vector<double> wide(static_cast<std::size_t>(std::min(at_once, count)));
  std::vector<float> some(wide.size());
  for (std::int64_t first = 0; first < count; first += at_once) {
    const std::int64_t here = std::min(at_once, count - first);
    const auto n = static_cast<std::size_t>(here);
    copy_bytes(executor, wide.data(), numbers + first, n * sizeof(double));
    const std::int64_t lost = narrow(1, wide.data(), some.data(), here);
    if (lost >= 0) refuse(wide[static_cast<std::size_t>(lost)]);
    copy_bytes(executor, made.data() + first, some.data(), n * sizeof(float));
  }
  return made;
}

std::shared_ptr<const SymmetricMatrix<float>> narrowed(const StoredMatrix<double>& a) { return Narrowing(a).make(); }

SymmetricOperator<float> narrowed(const SymmetricOperator<double>& a) {
  auto made = a.matrix().narrowed();
  if (made != nullptr) return SymmetricOperator<float>(std::move(made));
  throw Error("minimize: mixed_precision knows no such operator over float: " + a.format());
}

}  // namespace nabla::detail
