#pragma once

#include "../each/task.hpp"

namespace nabla::detail::cpu {

/// A few packs of descents: row r of pack p is state[r * stride + p * lanes], and so for what was found.
template <class T>
struct EachPacks {
  T* state;
  const T* found;
  std::int64_t stride;
  std::int64_t packs;
};

/// How descents go on from one evaluation to the next.
template <class T>
struct EachStep {
  std::int64_t (*rows)(int n, int memory);  // of the state
  void (*advance)(const each::Rules<T>& rules, int n, const EachPacks<T>& packs);
};
template <class T>
EachStep<T> each_step(EachMethod method, int n);

}  // namespace nabla::detail::cpu
