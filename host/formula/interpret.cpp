#include "interpret.hpp"

#include "jit/pack_functions.hpp"

#include <nabla/elementary.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <numbers>

namespace nabla::formula {

namespace {

using Code = Instruction::Code;
using Kind = Operand::Kind;

constexpr std::size_t alignment = 64;

/// -x, whose sign changes for 0 and NaN too; xsimd's own takes x from 0.
template <class X>
X negated(const X& x) {
  return x ^ X(typename X::value_type(-0.0));
}

/// a * b + c in one rounding where the processor can; xsimd's own is two operations with AVX-512.
template <class X>
X fused(const X& a, const X& b, const X& c) {
  [[maybe_unused]] constexpr bool f64 = sizeof(typename X::value_type) == 8;
#if defined(__AVX512F__)
  if constexpr (sizeof(X) == 64 && f64) return _mm512_fmadd_pd(a, b, c);
  if constexpr (sizeof(X) == 64 && !f64) return _mm512_fmadd_ps(a, b, c);
#endif
  return xsimd::fma(a, b, c);
}

/// Memory for one thread's intermediate results. It grows and is kept, so that only a thread's first call allocates.
template <class T>
class Scratch {
 public:
  T* reserve(std::int64_t numbers) {
    if (numbers > size_) {
      memory_.reset(
          static_cast<T*>(::operator new(static_cast<std::size_t>(numbers) * sizeof(T), std::align_val_t(alignment))));
      size_ = numbers;
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(T* memory) const { ::operator delete(memory, std::align_val_t(alignment)); }
  };
  std::unique_ptr<T, Free> memory_;
  std::int64_t size_ = 0;
};

/// The elementary functions, pack by pack: those that machine code calls, or else the library's own.
template <class T>
struct Functions {
  using X = Lanes<T>;
  using M = Math<X>;
  using Register = typename X::register_type;
  struct Pair {
    Register first, second;
  };
  using Unary = Register (*)(Register);
  using Binary = Register (*)(Register, Register);
  using Both = Pair (*)(Register);

  struct Own {
    Op op;
    Unary function;
  };

  Unary unary[static_cast<std::size_t>(Op::sign)] = {};
  Binary pow, atan2, hypot;
  Both sincos;

  Unary operator[](Op op) const { return unary[static_cast<std::size_t>(op)]; }

  explicit Functions(const PackFunctions* given) {
    const auto take = [&](auto& function, void* address) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
    };
    if (given != nullptr) {
      for (const auto& [op, own] : own_functions) take(unary[static_cast<std::size_t>(op)], (*given)[op]);
      take(pow, (*given)[Op::power]);
      take(atan2, (*given)[Op::atan2]);
      take(hypot, (*given)[Op::hypot]);
      take(sincos, given->sincos);
    } else {
      for (const auto& [op, own] : own_functions) unary[static_cast<std::size_t>(op)] = own;
      pow = [](Register x, Register y) -> Register { return M::pow(x, y); };
      atan2 = [](Register y, Register x) -> Register { return M::atan2(y, x); };
      hypot = [](Register x, Register y) -> Register { return M::hypot(x, y); };
      sincos = [](Register x) -> Pair {
        const auto [s, c] = M::sincos(x);
        return {s, c};
      };
    }
  }

  static constexpr Own own_functions[] = {
      {Op::cbrt, [](Register x) -> Register { return M::cbrt(x); }},
      {Op::exp, [](Register x) -> Register { return M::exp(x); }},
      {Op::expm1, [](Register x) -> Register { return M::expm1(x); }},
      {Op::log, [](Register x) -> Register { return M::log(x); }},
      {Op::log1p, [](Register x) -> Register { return M::log1p(x); }},
      {Op::log2, [](Register x) -> Register { return M::log2(x); }},
      {Op::log10, [](Register x) -> Register { return M::log10(x); }},
      {Op::sin, [](Register x) -> Register { return M::sin(x); }},
      {Op::cos, [](Register x) -> Register { return M::cos(x); }},
      {Op::tan, [](Register x) -> Register { return M::tan(x); }},
      {Op::asin, [](Register x) -> Register { return M::asin(x); }},
      {Op::acos, [](Register x) -> Register { return M::acos(x); }},
      {Op::atan, [](Register x) -> Register { return M::atan(x); }},
      {Op::sinh, [](Register x) -> Register { return M::sinh(x); }},
      {Op::cosh, [](Register x) -> Register { return M::cosh(x); }},
      {Op::tanh, [](Register x) -> Register { return M::tanh(x); }},
      {Op::asinh, [](Register x) -> Register { return M::asinh(x); }},
      {Op::acosh, [](Register x) -> Register { return M::acosh(x); }},
      {Op::atanh, [](Register x) -> Register { return M::atanh(x); }},
      {Op::erf, [](Register x) -> Register { return M::erf(x); }},
      {Op::erfc, [](Register x) -> Register { return M::erfc(x); }},
  };
};

template <class T>
const Functions<T>& functions() {
  static const Functions<T> once(pack_functions(sizeof(T) == 4, sizeof(Lanes<T>)));
  return once;
}

/// An operand's numbers for a block; step 0 repeats one pack for all points.
template <class T>
struct Source {
  const T* data;
  std::int64_t step;
};

template <class T>
class Interpreter {
 public:
  using X = Lanes<T>;
  using M = Math<X>;
  static constexpr std::int64_t width = X::size;

  Interpreter(const Program& program, std::span<const double> parameters, const detail::PackOutput<X, T>& out,
              const detail::Tile<T>& tile, std::int64_t first, std::int64_t points, T* scratch)
      : program_(program), out_(out), tile_(tile), first_(first), points_(points) {
    slots_ = scratch;
    slot_stride_ = (points + width - 1) / width * width;
    scalars_ = slots_ + program.slots * slot_stride_;
    T* at = scalars_;
    for (const Scalar& s : program.scalars) {
      const double number = s.parameter < 0 ? s.number : parameters[static_cast<std::size_t>(s.parameter)];
      at = std::fill_n(at, width, static_cast<T>(number));
    }
    indices_pack_ = at;
  }

  void run() { run(0, program_.instructions.size()); }

  static std::int64_t scratch_numbers(const Program& program, std::int64_t points) {
    return program.slots * ((points + width - 1) / width * width) +
           (static_cast<std::int64_t>(program.scalars.size()) + most_levels) * width;
  }

 private:
  void run(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Instruction& instruction = program_.instructions[i];
      if (instruction.code != Code::loop) {
        step(instruction);
        continue;
      }
      const Loop& loop = program_.loop(instruction);
      const std::int64_t lower = at(loop.lower), upper = at(loop.upper);
      const auto level = static_cast<std::size_t>(loop.level);
      for (std::int64_t index = lower; index <= upper; ++index) {
        indices_[level] = index;
        std::fill_n(indices_pack_ + loop.level * width, width, static_cast<T>(index));
        run(i + 1, static_cast<std::size_t>(instruction.target));
      }
      i = static_cast<std::size_t>(instruction.target);
    }
  }

  std::int64_t at(const Whole& whole) const {
    std::int64_t sum = whole.constant;
    for (const auto& [level, coefficient] : program_.terms_of(whole)) {
      sum += coefficient * indices_[static_cast<std::size_t>(level)];
    }
    return sum;
  }
  std::int64_t component(const Operand& o) const { return at(program_.whole(o)); }
  Source<T> source(const Operand& o) const {
    switch (o.kind) {
      case Kind::slot:
        return {slots_ + o.place * slot_stride_, 1};
      case Kind::scalar:
        return {scalars_ + o.place * width, 0};
      case Kind::index:
        return {indices_pack_ + o.place * width, 0};
      case Kind::variable:
        return {tile_.in + component(o) * tile_.in_stride + first_, 1};
      case Kind::direction:
        return {tile_.extra + component(o) * tile_.extra_stride + first_, 1};
      default:
        return {out_.at(component(o), first_), 1};
    }
  }
  T* destination(const Operand& o) const { return const_cast<T*>(source(o).data); }

  template <class F>
  void each(T* out, Source<T> a, F f) const {
    for (std::int64_t p = 0; p < points_; p += width)
      f(X::load_unaligned(a.data + p * a.step)).store_unaligned(out + p);
  }
  template <class F>
  void each(T* out, Source<T> a, Source<T> b, F f) const {
    for (std::int64_t p = 0; p < points_; p += width) {
      f(X::load_unaligned(a.data + p * a.step), X::load_unaligned(b.data + p * b.step)).store_unaligned(out + p);
    }
  }
  template <class F>
  void each(T* out, Source<T> a, Source<T> b, Source<T> c, F f) const {
    for (std::int64_t p = 0; p < points_; p += width) {
      f(X::load_unaligned(a.data + p * a.step), X::load_unaligned(b.data + p * b.step),
        X::load_unaligned(c.data + p * c.step))
          .store_unaligned(out + p);
    }
  }

  void step(const Instruction& i) const {
    T* const out = destination(i.out);
    const Source<T> a = source(i.a);
    const Source<T> result{out, 1};
    switch (i.code) {
      case Code::operation:
        return operation(i, out, a);
      case Code::choice:
        return each(out, a, source(i.b), source(i.c),
                    [](X c, X yes, X no) { return M::select(c == X(T(0)), no, yes); });
      case Code::whole_power:
        return whole_power(i.exponent, out, a);
      case Code::sine_and_cosine: {
        T* const cosine = destination(i.b);
        for (std::int64_t p = 0; p < points_; p += width) {
          const auto both = functions_.sincos(X::load_unaligned(a.data + p * a.step));
          X(both.first).store_unaligned(out + p);
          X(both.second).store_unaligned(cosine + p);
        }
        return;
      }
      case Code::multiply_add:
        return each(out, a, source(i.b), source(i.c), [](X x, X y, X z) { return fused(x, y, z); });
      case Code::multiply_subtract:
        return each(out, a, source(i.b), source(i.c), [](X x, X y, X z) { return fused(x, y, negated(z)); });
      case Code::negate_multiply_add:
        return each(out, a, source(i.b), source(i.c), [](X x, X y, X z) { return fused(negated(x), y, z); });
      case Code::copy:
        return each(out, a, [](X x) { return x; });
      case Code::accumulate:
        return each(out, result, a, [](X x, X y) { return x + y; });
      case Code::multiply_up:
        return each(out, result, a, [](X x, X y) { return x * y; });
      case Code::loop:
      case Code::end:
        return;
    }
  }

  void whole_power(std::int32_t n, T* out, Source<T> a) const {
    // The same bits as below, without the loop over the exponent's bits.
    if (n == 2) return each(out, a, [](X x) { return x * x; });
    if (n == 3) return each(out, a, [](X x) { return x * x * x; });
    const std::int32_t size = n < 0 ? -n : n;
    each(out, a, [=](X x) {
      const X power = detail::whole_power(x, size);
      return n < 0 ? X(T(1)) / power : power;
    });
  }

  void with_far(Op op, T* out, Source<T> a) const {
    each(out, a, [op, f = functions_[op], exp = functions_[Op::exp], log = functions_[Op::log]](X x) {
      const X size = is_one_sided(op) ? x : M::abs(x), near(f(x));
      const auto far = size > X(far_from<T>(op));
      if (!xsimd::any(far)) return near;
      X large;
      if (op == Op::sinh || op == Op::cosh) {
        const X root(exp(X(T(0.5)) * size));
        large = X(T(0.5)) * root * root;
      } else {
        large = X(log(size));
        if (op != Op::log1p) large = large + X(std::numbers::ln2_v<T>);
      }
      return M::select(far, is_odd_far(op) ? M::select(x < X(T(0)), negated(large), large) : large, near);
    });
  }

  template <class Holds>
  void compare(T* out, Source<T> a, Source<T> b, Holds holds) const {
    each(out, a, b, [&](X x, X y) { return M::select(holds(x, y), X(T(1)), X(T(0))); });
  }

  void operation(const Instruction& i, T* out, Source<T> a) const {
    const auto b = [&] { return source(i.b); };
    switch (i.op) {
      case Op::negate:
        return each(out, a, [](X x) { return negated(x); });
      case Op::sqrt:
        return each(out, a, [](X x) { return M::sqrt(x); });
      case Op::abs:
        return each(out, a, [](X x) { return M::abs(x); });
      case Op::sign:
        return each(out, a, [](X x) {
          const X zero(T(0));
          return M::select(x > zero, X(T(1)), M::select(x < zero, X(T(-1)), M::select(x == zero, zero, x)));
        });
      case Op::add:
        return each(out, a, b(), [](X x, X y) { return x + y; });
      case Op::subtract:
        return each(out, a, b(), [](X x, X y) { return x - y; });
      case Op::multiply:
        return each(out, a, b(), [](X x, X y) { return x * y; });
      case Op::guarded_multiply:
        return each(out, a, b(), [](X x, X y) {
          const X zero(T(0));
          return M::select(x == zero || y == zero, zero, x * y);
        });
      case Op::divide:
        return each(out, a, b(), [](X x, X y) { return x / y; });
      case Op::power:
        return each(out, a, b(), [f = functions_.pow](X x, X y) { return M::select(y == X(T(1)), x, X(f(x, y))); });
      case Op::less:
        return compare(out, a, b(), [](X x, X y) { return x < y; });
      case Op::less_equal:
        return compare(out, a, b(), [](X x, X y) { return x <= y; });
      case Op::greater:
        return compare(out, a, b(), [](X x, X y) { return x > y; });
      case Op::greater_equal:
        return compare(out, a, b(), [](X x, X y) { return x >= y; });
      case Op::equal:
        return compare(out, a, b(), [](X x, X y) { return x == y; });
      case Op::not_equal:
        return compare(out, a, b(), [](X x, X y) { return !(x == y); });  // xsimd's != is false for NaN
      case Op::atan2:
        return each(out, a, b(), [f = functions_.atan2](X x, X y) { return X(f(x, y)); });
      case Op::hypot:
        return each(out, a, b(), [f = functions_.hypot](X x, X y) { return X(f(x, y)); });
      case Op::min:
        return each(out, a, b(), [](X x, X y) { return detail::extreme<false>(x, y); });
      case Op::max:
        return each(out, a, b(), [](X x, X y) { return detail::extreme<true>(x, y); });
      default: {
        if (needs_far(i.op)) return with_far(i.op, out, a);
        const auto f = functions_[i.op];
        return each(out, a, [f](X x) { return X(f(x)); });
      }
    }
  }

  const Program& program_;
  const Functions<T>& functions_ = functions<T>();
  const detail::PackOutput<X, T>& out_;
  const detail::Tile<T>& tile_;
  std::int64_t first_, points_;
  T* slots_;
  std::int64_t slot_stride_;
  T* scalars_;
  T* indices_pack_;
  std::array<std::int64_t, most_levels> indices_{};
};

}  // namespace

bool interprets_as_compiled() {
#if defined(__FMA__)
  return pack_functions(false, sizeof(Lanes<double>)) != nullptr;
#else
  return false;  // a * b + c is rounded twice
#endif
}

template <class T>
std::int64_t block_points(const Program& program) {
  constexpr std::int64_t bytes = 20 << 10;  // of a first-level cache, which inputs and outputs share
  const std::int64_t fit = bytes / static_cast<std::int64_t>(sizeof(T)) / std::max(program.slots, 1);
  return std::clamp<std::int64_t>(fit / 64 * 64, 64, 256);
}

template <class T>
void interpret(const Program& program, std::span<const double> parameters, const detail::PackOutput<Lanes<T>, T>& out,
               const detail::Tile<T>& tile, std::int64_t first, std::int64_t points) {
  thread_local Scratch<T> scratch;
  T* const memory = scratch.reserve(Interpreter<T>::scratch_numbers(program, points));
  Interpreter<T>(program, parameters, out, tile, first, points, memory).run();
}

template std::int64_t block_points<float>(const Program&);
template std::int64_t block_points<double>(const Program&);
template void interpret(const Program&, std::span<const double>, const detail::PackOutput<Lanes<float>, float>&,
                        const detail::Tile<float>&, std::int64_t, std::int64_t);
template void interpret(const Program&, std::span<const double>, const detail::PackOutput<Lanes<double>, double>&,
                        const detail::Tile<double>&, std::int64_t, std::int64_t);

}  // namespace nabla::formula
