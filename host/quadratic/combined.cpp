#include "../checks.hpp"
#include "matrix.hpp"
#include "passes.hpp"

#include <nabla/error.hpp>

#include <string>
#include <utility>
#include <vector>

// Operators that are made of others, or that the caller has.

namespace nabla {
namespace detail {

namespace {

/// y = factor product, or is increased by it.
template <class T>
void put(const Executor& where, const Array<T>& product, T* y, bool add, double factor) {
  detail::multiply(where, MatrixRows<T>(GivenRows<T>{product.size(), product.data()}),
                   Multiply<T>{product.data(), y, add, factor});
}

/// Those of one matrix, or of two that are added, times a factor.
class EntriesOfOthers final : public EntryReader {
 public:
  EntriesOfOthers(double factor, std::unique_ptr<EntryReader> first, std::unique_ptr<EntryReader> second)
      : factor_(factor), first_(std::move(first)), second_(std::move(second)) {}
  void read(std::int64_t row, double factor, std::vector<Entry>& to) override {
    first_->read(row, factor_ * factor, to);
    if (second_ != nullptr) second_->read(row, factor_ * factor, to);
  }

 private:
  double factor_;
  std::unique_ptr<EntryReader> first_, second_;
};

/// factor A. A's products go through a vector of its own.
template <class T>
struct Multiple final : SymmetricMatrix<T> {
  Multiple(double number, std::shared_ptr<const SymmetricMatrix<T>> matrix)
      : SymmetricMatrix<T>(matrix->executor, matrix->size),
        factor(number),
        a(std::move(matrix)),
        product(this->executor, this->size) {
    this->nonzeros = a->nonzeros;
    this->format = "a multiple of " + a->format;
    this->bytes = a->bytes;
  }
  void multiply(const Executor& where, const T* x, T* y, bool add) const override {
    a->multiply(where, x, product.data(), false);
    put(where, product, y, add, factor);
  }
  bool has_diagonal() const override { return a->has_diagonal(); }
  void diagonal(const Executor& where, T* numbers, bool add) const override {
    a->diagonal(where, product.data(), false);
    put(where, product, numbers, add, factor);
  }
  std::shared_ptr<const SymmetricMatrix<float>> narrowed() const override {
    auto narrow = a->narrowed();
    if (narrow == nullptr) return nullptr;
    return std::make_shared<Multiple<float>>(factor, std::move(narrow));
  }
  bool has_entries() const override { return a->has_entries(); }
  std::unique_ptr<EntryReader> entries() const override {
    return std::make_unique<EntriesOfOthers>(factor, a->entries(), nullptr);
  }

  double factor;
  std::shared_ptr<const SymmetricMatrix<T>> a;
  Array<T> product;
};

template <class T>
struct SumOfTwo final : SymmetricMatrix<T> {
  SumOfTwo(std::shared_ptr<const SymmetricMatrix<T>> first, std::shared_ptr<const SymmetricMatrix<T>> second)
      : SymmetricMatrix<T>(first->executor, first->size), a(std::move(first)), b(std::move(second)) {
    this->format = a->format + " + " + b->format;
    this->bytes = a->bytes + b->bytes;
  }
  void multiply(const Executor& where, const T* x, T* y, bool add) const override {
    a->multiply(where, x, y, add);
    b->multiply(where, x, y, true);
  }
  bool has_diagonal() const override { return a->has_diagonal() && b->has_diagonal(); }
  void diagonal(const Executor& where, T* numbers, bool add) const override {
    a->diagonal(where, numbers, add);
    b->diagonal(where, numbers, true);
  }
  std::shared_ptr<const SymmetricMatrix<float>> narrowed() const override {
    auto first = a->narrowed(), second = b->narrowed();
    if (first == nullptr || second == nullptr) return nullptr;
    return std::make_shared<SumOfTwo<float>>(std::move(first), std::move(second));
  }
  bool has_entries() const override { return a->has_entries() && b->has_entries(); }
  std::unique_ptr<EntryReader> entries() const override {
    return std::make_unique<EntriesOfOthers>(1, a->entries(), b->entries());
  }

  std::shared_ptr<const SymmetricMatrix<T>> a, b;
};

template <class T>
struct Own final : SymmetricMatrix<T> {
  Own(const Executor& where, OwnOperator<T> given)
      : SymmetricMatrix<T>(where, given.size), own_(std::move(given)), product_(where, this->size) {
    this->format = "the caller's";
  }
  void multiply(const Executor& where, const T* x, T* y, bool add) const override {
    T* const filled = add ? product_.data() : y;
    own_.multiply(where, {x, count()}, {filled, count()});
    if (add) put(where, product_, y, true, 1);
  }
  bool has_diagonal() const override { return static_cast<bool>(own_.diagonal); }
  void diagonal(const Executor& where, T* numbers, bool add) const override {
    T* const filled = add ? product_.data() : numbers;
    own_.diagonal(where, {filled, count()});
    if (add) put(where, product_, numbers, true, 1);
  }

 private:
  std::size_t count() const { return static_cast<std::size_t>(this->size); }

  OwnOperator<T> own_;
  Array<T> product_;
};

}  // namespace

}  // namespace detail

template <class T>
SymmetricOperator<T> diagonal(const Executor& executor, std::type_identity_t<std::span<const T>> numbers) {
  if (numbers.empty()) throw ShapeError("diagonal: it must have one number or more, found 0");
  const detail::Argument arguments[] = {detail::vector_argument("the diagonal", numbers)};
  detail::check_memory(executor, "diagonal", arguments);
  std::vector<T> on_host(numbers.size());
  detail::copy_bytes(executor, on_host.data(), numbers.data(), numbers.size_bytes());
  return SymmetricOperator<T>(
      detail::make_diagonal_matrix<T>(executor, static_cast<std::int64_t>(numbers.size()), {0}, on_host));
}
template SymmetricOperator<float> diagonal(const Executor&, std::span<const float>);
template SymmetricOperator<double> diagonal(const Executor&, std::span<const double>);

template <class T>
SymmetricOperator<T> own_operator(const Executor& executor, OwnOperator<T> own) {
  if (own.size < 1) throw ShapeError("own operator: size must be 1 or more, found " + std::to_string(own.size));
  if (!own.multiply) throw Error("own operator: multiply must be there");
  return SymmetricOperator<T>(std::make_shared<detail::Own<T>>(executor, std::move(own)));
}
template SymmetricOperator<float> own_operator(const Executor&, OwnOperator<float>);
template SymmetricOperator<double> own_operator(const Executor&, OwnOperator<double>);

template <class T>
SymmetricOperator<T> operator+(const SymmetricOperator<T>& a, const SymmetricOperator<T>& b) {
  if (a.size() != b.size()) {
    throw ShapeError("operator +: sizes are " + std::to_string(a.size()) + " and " + std::to_string(b.size()));
  }
  return SymmetricOperator<T>(
      std::make_shared<detail::SumOfTwo<T>>(a.matrix().shared_from_this(), b.matrix().shared_from_this()));
}
template SymmetricOperator<float> operator+(const SymmetricOperator<float>&, const SymmetricOperator<float>&);
template SymmetricOperator<double> operator+(const SymmetricOperator<double>&, const SymmetricOperator<double>&);

template <class T>
SymmetricOperator<T> operator*(std::type_identity_t<double> factor, const SymmetricOperator<T>& a) {
  return SymmetricOperator<T>(std::make_shared<detail::Multiple<T>>(factor, a.matrix().shared_from_this()));
}
template SymmetricOperator<float> operator*(double, const SymmetricOperator<float>&);
template SymmetricOperator<double> operator*(double, const SymmetricOperator<double>&);

}  // namespace nabla
