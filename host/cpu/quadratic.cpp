#include "quadratic.hpp"

#include "passes.hpp"
#include "slices.hpp"

#include <nabla/detail/cpu_tile.hpp>

#include <omp.h>

#include <algorithm>
#include <type_traits>

// Passes over the rows of a symmetric matrix, on threads: a few packs of rows at a time, whose products go from
// registers into the pass.

namespace nabla::detail::cpu {

namespace {

using Pack = Lanes<double>;
constexpr auto width = static_cast<std::int64_t>(Pack::size);
// Packs at a time: additions, each of which waits for the one before, have others to go on beside them.
constexpr std::int64_t side_by_side = 4;

/// Neighbouring numbers, as passes read and write them.
struct PackOfNumbers {
  Pack load(const double* from, std::int64_t i) const { return Pack::load_unaligned(from + i); }
  Pack load(const float* from, std::int64_t i) const { return load_wide(from + i); }
  void store(double* to, std::int64_t i, const Pack& numbers) const { numbers.store_unaligned(to + i); }
  void store(float* to, std::int64_t i, const Pack& numbers) const {
    alignas(Pack) double wide[width];
    numbers.store_aligned(wide);
    for (std::int64_t k = 0; k < width; ++k) to[i + k] = static_cast<float>(wide[k]);
  }
};

// Ways through the rows of a matrix, in order. reach(r, in) goes to row r; from there up to end() rows are multiplied
// alike, packs(r, in, products) as many packs of them as are asked for, and row(r, in) the one that was reached.

template <class Stored>
class Way;

template <class T>
class Way<PatternRows<T>> {
 public:
  Way(const PatternRows<T>& a, std::int64_t first)
      : a_(a), run_(std::upper_bound(a.run_rows, a.run_rows + a.runs + 1, first) - a.run_rows - 1) {
    look_up();
  }

  void reach(std::int64_t r, const T*) {
    if (r < end_) return;
    while (a_.run_rows[run_ + 1] <= r) ++run_;
    look_up();
  }
  std::int64_t end() const { return end_; }

  template <std::size_t Packs>
  void packs(std::int64_t r, const T* in, std::array<Pack, Packs>& products) const {
    products.fill(Pack(0.0));
    for (std::int32_t k = 0; k < count_; ++k) {
      const Pack coefficient(static_cast<double>(coefficients_[k]));
      const T* const from = in + r + offsets_[k];
      for (std::size_t p = 0; p < Packs; ++p) {
        products[p] =
            xsimd::fma(coefficient, PackOfNumbers().load(from, static_cast<std::int64_t>(p) * width), products[p]);
      }
    }
  }
  double row(std::int64_t r, const T* in) const {
    double sum = 0;
    for (std::int32_t k = 0; k < count_; ++k) {
      sum += static_cast<double>(coefficients_[k]) * static_cast<double>(in[r + offsets_[k]]);
    }
    return sum;
  }

 private:
  void look_up() {
    const std::int32_t pattern = a_.run_patterns[run_], begin = a_.starts[pattern];
    end_ = a_.run_rows[run_ + 1];
    count_ = a_.starts[pattern + 1] - begin;
    offsets_ = a_.offsets + begin;
    coefficients_ = a_.coefficients + begin;
  }

  const PatternRows<T> a_;
  std::int64_t run_, end_;
  std::int32_t count_;
  const std::int64_t* offsets_;
  const T* coefficients_;
};

template <class T, class Kept>
class Way<DiagonalRows<T, Kept>> {
 public:
  Way(const DiagonalRows<T, Kept>& a, std::int64_t) : a_(a) {}

  // Near both ends some diagonals have nothing: there rows are multiplied one by one.
  void reach(std::int64_t r, const T*) { end_ = r >= a_.reach ? a_.rows - a_.reach : r; }
  std::int64_t end() const { return end_; }

  template <std::size_t Packs>
  void packs(std::int64_t r, const T* in, std::array<Pack, Packs>& products) const {
    products.fill(Pack(0.0));
    const auto add = [&](const Kept* numbers, const T* from) {
      for (std::size_t p = 0; p < Packs; ++p) {
        const auto at = static_cast<std::int64_t>(p) * width;
        products[p] = xsimd::fma(PackOfNumbers().load(numbers, at), PackOfNumbers().load(from, at), products[p]);
      }
    };
    for (int k = 0; k < a_.count; ++k) {
      const std::int64_t offset = a_.offsets[k];
      const Kept* const diagonal = a_.diagonals + k * a_.rows + r;
      add(diagonal, in + r + offset);
      if (offset > 0) add(diagonal - offset, in + r - offset);
    }
  }
  double row(std::int64_t r, const T* in) const {
    return static_cast<double>(a_.row(r, [in](std::int64_t i) { return in[i]; }));
  }

 private:
  const DiagonalRows<T, Kept> a_;
  std::int64_t end_ = 0;
};

template <class T, class Entries>
class Way<SliceRows<T, Entries>> {
  using Stored = SliceRows<T, Entries>;

 public:
  Way(const Stored& a, std::int64_t) : a_(a) {}

  void reach(std::int64_t r, const T* in) {
    if (r < end_ && r >= end_ - Stored::window) return;
    const std::int64_t begin = r / Stored::window * Stored::window;
    end_ = begin + Stored::window;
    multiply_window(a_, begin, in, products_);
  }
  std::int64_t end() const { return end_; }

  template <std::size_t Packs>
  void packs(std::int64_t r, const T*, std::array<Pack, Packs>& products) const {
    const double* const from = products_ + r % Stored::window;
    for (std::size_t p = 0; p < Packs; ++p)
      products[p] = PackOfNumbers().load(from, static_cast<std::int64_t>(p) * width);
  }
  double row(std::int64_t r, const T*) const { return products_[r % Stored::window]; }

 private:
  const Stored a_;
  std::int64_t end_ = 0;
  double products_[Stored::window] = {};
};

template <class T>
class Way<GivenRows<T>> {
 public:
  Way(const GivenRows<T>& a, std::int64_t) : a_(a) {}

  void reach(std::int64_t, const T*) {}
  std::int64_t end() const { return a_.rows; }

  template <std::size_t Packs>
  void packs(std::int64_t r, const T*, std::array<Pack, Packs>& products) const {
    for (std::size_t p = 0; p < Packs; ++p) {
      products[p] = PackOfNumbers().load(a_.products, r + static_cast<std::int64_t>(p) * width);
    }
  }
  double row(std::int64_t r, const T*) const { return static_cast<double>(a_.products[r]); }

 private:
  const GivenRows<T> a_;
};

/// What a pass leaves of some rows, added to sums that stand side by side.
template <int Count>
struct PassSums {
  std::array<std::array<Pack, Count>, side_by_side> packs;
  std::array<double, Count> ones{};

  PassSums() {
    for (auto& some : packs) some.fill(Pack(0.0));
  }
  template <std::size_t K>
  void add(std::size_t p, const std::array<Pack, K>& terms) {
    for (std::size_t k = 0; k < K; ++k) packs[p][k] += terms[k];
  }
  void add(const std::array<double, Count>& terms) {
    for (std::size_t k = 0; k < terms.size(); ++k) ones[k] += terms[k];
  }
  std::array<double, Count> all() const {
    std::array<double, Count> sums = ones;
    for (std::size_t k = 0; k < sums.size(); ++k) {
      alignas(Pack) double lanes[width];
      ((packs[0][k] + packs[1][k]) + (packs[2][k] + packs[3][k])).store_aligned(lanes);
      for (const double lane : lanes) sums[k] += lane;
    }
    return sums;
  }
};

/// Vectors are read and written by packs that begin at multiples of their width, wherever rows of another kind begin.
/// What the loop goes by is copied: the compiler could not know that stores leave it alone.
template <class Stored, class Pass>
void run_rows(const Stored& stored, const Pass& given, std::int64_t first, std::int64_t last,
              PassSums<Pass::sums>& sums_of_all) {
  const Pass pass = given;
  PassSums<Pass::sums> sums = sums_of_all;
  const auto* const in = pass.in();
  Way<Stored> way(stored, first);
  const auto use = [&]<std::size_t Packs>(const std::array<Pack, Packs>& products, std::int64_t r)
      __attribute__((always_inline)) {
    for (std::size_t p = 0; p < Packs; ++p) {
      sums.add(p, pass(PackOfNumbers(), r + static_cast<std::int64_t>(p) * width, products[p]));
    }
  };
  std::int64_t r = first;
  while (r + width <= last) {
    way.reach(r, in);
    const std::int64_t end = std::min(last, way.end());
    for (; r + side_by_side * width <= end; r += side_by_side * width) {
      std::array<Pack, side_by_side> products;
      way.packs(r, in, products);
      use(products, r);
    }
    std::array<Pack, 1> product;
    for (; r + width <= end; r += width) {
      way.packs(r, in, product);
      use(product, r);
    }
    if (r + width > last) break;
    alignas(Pack) double ones[width];
    for (std::int64_t k = 0; k < width; ++k) {
      way.reach(r + k, in);
      ones[k] = way.row(r + k, in);
    }
    product[0] = Pack::load_aligned(ones);
    use(product, r);
    r += width;
  }
  for (; r < last; ++r) {
    way.reach(r, in);
    sums.add(pass(OneNumber(), r, way.row(r, in)));
  }
  sums_of_all = sums;
}

template <class Stored, class Pass>
void run_all(int threads, const Stored& rows, const Pass& pass, const Sums* sums) {
  constexpr std::int64_t count = Pass::sums;
  in_parts(threads, rows.rows, [&](std::int64_t part, std::int64_t first, std::int64_t last) {
    PassSums<Pass::sums> some;
    run_rows(rows, pass, first, last, some);
    if (sums != nullptr) std::ranges::copy(some.all(), sums->partials() + part * count);
  });
  if (sums != nullptr) fold(*sums, parts_of(rows.rows), count);
}

template <class T>
void turn_some(const Turning<T>& turning, std::int64_t first, std::int64_t last) {
  const double beta = turning.scalars->beta;
  const auto turn = [&](const auto& lanes, std::int64_t i) {
    lanes.store(turning.p, i, Turning<T>::turned(lanes, beta, turning.p, turning.g, turning.inverse, i));
  };
  std::int64_t i = first;
  for (; i + width <= last; i += width) turn(PackOfNumbers(), i);
  for (; i < last; ++i) turn(OneNumber(), i);
}

/// Each thread turns the directions of its own rows, as far ahead of their products as those reach. What its
/// neighbours reach into comes first. All of it by whole packs that begin at multiples of their width, whatever the
/// threads: a compiler may contract one number's arithmetic and not a pack's.
template <class T, class Stored>
void turn_and_run(int threads, const Stored& rows, const Turning<T>& turning, const Curve<T>& pass, const Sums& sums) {
  constexpr std::int64_t rows_at_once = 512;  // whose directions are still in the first-level cache
  const std::int64_t n = rows.rows, parts = parts_of(n), reach = (rows.reach + width - 1) / width * width;
  const std::int64_t most = std::max<std::int64_t>(1, n / (2 * reach + summed_at_once));
  const auto team = static_cast<int>(std::clamp<std::int64_t>(most, 1, threads));
#pragma omp parallel num_threads(team)
  {
    const std::int64_t thread = omp_get_thread_num(), all = omp_get_num_threads();
    const std::int64_t first_part = parts * thread / all, last_part = parts * (thread + 1) / all;
    const std::int64_t begin = first_part * summed_at_once, end = std::min(n, last_part * summed_at_once);
    std::int64_t turned = std::min(end, begin + reach);
    turn_some(turning, begin, turned);
    const std::int64_t rest = std::max(turned, (end - reach) / width * width);
    turn_some(turning, rest, end);
#pragma omp barrier
    for (std::int64_t part = first_part; part < last_part; ++part) {
      PassSums<1> some;
      const std::int64_t part_end = std::min(end, (part + 1) * summed_at_once);
      for (std::int64_t first = part * summed_at_once; first < part_end; first += rows_at_once) {
        const std::int64_t last = std::min(part_end, first + rows_at_once);
        const std::int64_t ahead = std::clamp(last + reach, turned, rest);
        turn_some(turning, turned, ahead);
        turned = ahead;
        run_rows(rows, pass, first, last, some);
      }
      sums.partials()[part] = some.all()[0];
    }
  }
  fold(sums, parts, 1);
}

}  // namespace

template <class T>
void multiply(int threads, const MatrixRows<T>& rows, const Multiply<T>& pass) {
  std::visit([&](const auto& stored) { run_all(threads, stored, pass, nullptr); }, rows);
}

template <class T>
void take_diagonal(int threads, const MatrixRows<T>& rows, T* numbers, bool add) {
  const auto take = [&](std::int64_t r, T number) { numbers[r] = add ? numbers[r] + number : number; };
  const auto of_all = [&](const auto& stored) {
    in_parts(threads, stored.rows, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r) take(r, stored.on_diagonal(r));
    });
  };
  const auto of_runs = [&](const PatternRows<T>& stored) {
    for (std::int64_t run = 0; run < stored.runs; ++run) {
      const T number = stored.main[stored.run_patterns[run]];
      for (std::int64_t r = stored.run_rows[run]; r < stored.run_rows[run + 1]; ++r) take(r, number);
    }
  };
  std::visit(
      [&](const auto& stored) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(stored)>, PatternRows<T>>) {
          of_runs(stored);
        } else {
          of_all(stored);
        }
      },
      rows);
}

template <class T>
void run(int threads, const MatrixRows<T>& rows, const Evaluate<T>& pass, const Sums& sums) {
  std::visit([&](const auto& stored) { run_all(threads, stored, pass, &sums); }, rows);
}

template <class T>
void run(int threads, const MatrixRows<T>& rows, const ChebyshevStep<T>& pass) {
  std::visit([&](const auto& stored) { run_all(threads, stored, pass, nullptr); }, rows);
}

template <class T>
void run(int threads, const MatrixRows<T>& rows, const Meet<T>& pass, const Sums& sums) {
  std::visit([&](const auto& stored) { run_all(threads, stored, pass, &sums); }, rows);
  pass.conclude(sums.on_executor());
}

template <class T>
void turn(int threads, std::int64_t n, const Turning<T>& turning) {
  in_parts(threads, n, [&](std::int64_t, std::int64_t first, std::int64_t last) { turn_some(turning, first, last); });
}

template <class T>
void run(int threads, const MatrixRows<T>& rows, const Turning<T>* turning, const Curve<T>& pass, const Sums& sums) {
  std::visit(
      [&](const auto& stored) {
        if constexpr (is_scattered<std::remove_cvref_t<decltype(stored)>>) {
          if (turning != nullptr) turn(threads, stored.rows, *turning);
          run_all(threads, stored, pass, &sums);
        } else if (turning != nullptr) {
          turn_and_run(threads, stored, *turning, pass, sums);
        } else {
          run_all(threads, stored, pass, &sums);
        }
      },
      rows);
  pass.conclude(sums.on_executor());
}

template <class T>
void run(int threads, const MatrixRows<T>& rows, const Advance<T>& pass, const Sums& sums) {
  Advance<T> begun = pass;
  begun.begin();
  std::visit([&](const auto& stored) { run_all(threads, stored, begun, &sums); }, rows);
  pass.conclude(sums.on_executor());
}

template void multiply(int, const MatrixRows<float>&, const Multiply<float>&);
template void take_diagonal(int, const MatrixRows<float>&, float*, bool);
template void run(int, const MatrixRows<float>&, const Evaluate<float>&, const Sums&);
template void run(int, const MatrixRows<float>&, const ChebyshevStep<float>&);
template void run(int, const MatrixRows<float>&, const Meet<float>&, const Sums&);
template void turn(int, std::int64_t, const Turning<float>&);
template void run(int, const MatrixRows<float>&, const Turning<float>*, const Curve<float>&, const Sums&);
template void run(int, const MatrixRows<float>&, const Advance<float>&, const Sums&);
template void multiply(int, const MatrixRows<double>&, const Multiply<double>&);
template void take_diagonal(int, const MatrixRows<double>&, double*, bool);
template void run(int, const MatrixRows<double>&, const Evaluate<double>&, const Sums&);
template void run(int, const MatrixRows<double>&, const ChebyshevStep<double>&);
template void run(int, const MatrixRows<double>&, const Meet<double>&, const Sums&);
template void turn(int, std::int64_t, const Turning<double>&);
template void run(int, const MatrixRows<double>&, const Turning<double>*, const Curve<double>&, const Sums&);
template void run(int, const MatrixRows<double>&, const Advance<double>&, const Sums&);

}  // namespace nabla::detail::cpu
