#pragma once

// NVRTC has no standard library. This is what evaluate.cuh, element_sum.cuh, each.cuh and the headers that they include
// use of one; when NVRTC compiles them, each standard header that they ask for is this file
// (host/formula/cuda/nvrtc.cpp). If NVRTC reports a name of std:: that is missing, it belongs here.

namespace std {

using uint8_t = unsigned char;
using int32_t = int;
using uint32_t = unsigned;
using int64_t = long long;
using uint64_t = unsigned long long;
using uintptr_t = unsigned long long;
using size_t = decltype(sizeof(0));

// --- <type_traits>, <concepts>

template <class T, T v>
struct integral_constant {
  static constexpr T value = v;
  constexpr operator T() const { return v; }
};

template <class T>
struct type_identity {
  using type = T;
};
template <class T>
struct remove_cv : type_identity<T> {};
template <class T>
struct remove_cv<const T> : type_identity<T> {};
template <class T>
using remove_cv_t = typename remove_cv<T>::type;

template <bool, class Yes, class No>
struct conditional : type_identity<Yes> {};
template <class Yes, class No>
struct conditional<false, Yes, No> : type_identity<No> {};
template <bool condition, class Yes, class No>
using conditional_t = typename conditional<condition, Yes, No>::type;

template <class A, class B>
inline constexpr bool is_same_v = false;
template <class A>
inline constexpr bool is_same_v<A, A> = true;
template <class T, class... Others>
inline constexpr bool is_one_of = (is_same_v<remove_cv_t<T>, Others> || ...);
template <class T>
inline constexpr bool is_void_v = is_one_of<T, void>;
template <class T>
inline constexpr bool is_floating_point_v = is_one_of<T, float, double>;
template <class T>
inline constexpr bool is_integral_v = is_one_of<T, bool, char, signed char, unsigned char, short, unsigned short, int,
                                                unsigned, long, unsigned long, long long, unsigned long long>;
template <class T>
inline constexpr bool is_arithmetic_v = is_integral_v<T> || is_floating_point_v<T>;
template <class T>
inline constexpr bool is_empty_v = __is_empty(T);

template <class T>
T&& declval() noexcept;

template <class A, class B>
concept same_as = is_same_v<A, B>;
template <class T>
concept integral = is_integral_v<T>;
template <class T>
concept floating_point = is_floating_point_v<T>;
template <class F, class... Arguments>
concept invocable = requires(F&& f, Arguments&&... arguments) {
  f(static_cast<Arguments&&>(arguments)...);
};

// --- <limits>, <utility>, <array>

template <class T>
struct numeric_limits;
template <>
struct numeric_limits<double> {
  static constexpr double infinity() { return __builtin_bit_cast(double, 0x7ff0000000000000ull); }
  static constexpr double quiet_NaN() { return __builtin_bit_cast(double, 0x7ff8000000000000ull); }
  static constexpr double epsilon() { return 0x1p-52; }
  static constexpr double min() { return 0x1p-1022; }
};
template <>
struct numeric_limits<float> {
  static constexpr float epsilon() { return 0x1p-23f; }
  static constexpr float min() { return 0x1p-126f; }
};

template <class A, class B>
struct pair {
  A first;
  B second;
};

template <class T, T... I>
struct integer_sequence {};
template <class T, bool complete, T N, T... I>
struct sequence_below : sequence_below<T, N == 1, N - 1, N - 1, I...> {};
template <class T, T N, T... I>
struct sequence_below<T, true, N, I...> : type_identity<integer_sequence<T, I...>> {};
template <class T, T N>
using make_integer_sequence = typename sequence_below<T, N == 0, N>::type;

template <class T, size_t N>
struct array {
  T elements[N];
  constexpr T& operator[](size_t i) { return elements[i]; }
  constexpr const T& operator[](size_t i) const { return elements[i]; }
};

// --- <cmath>: CUDA's own, which are overloaded for float

using ::abs, ::fabs, ::fma, ::sqrt, ::cbrt, ::exp, ::expm1, ::log, ::log1p, ::log2, ::log10, ::sin, ::cos, ::tan,
    ::asin, ::acos, ::atan, ::sinh, ::cosh, ::tanh, ::asinh, ::acosh, ::atanh, ::erf, ::erfc, ::pow, ::atan2, ::hypot,
    ::isfinite;

}  // namespace std
