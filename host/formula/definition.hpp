#pragma once

#include "compile.hpp"
#include "cuda/kernels.hpp"
#include "jit/machine_code.hpp"

#include <nabla/formula.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

namespace nabla::formula {

/// What was made of a formula for one task and number of variables: a program, and for each precision machine code once
/// that is worth its making.
class Compiled {
 public:
  explicit Compiled(Program p) : program(std::move(p)) {}

  const Program program;

  /// The code, or null while there is none and where there can be none.
  template <class T>
  TileCode<T> code() const {
    const MachineCode* const made = code_of<T>().made.load(std::memory_order_acquire);
    return made == nullptr ? nullptr : reinterpret_cast<TileCode<T>>(made->address);
  }
  /// Makes the code unless it is there, or being made, or was tried. `wait`: for another thread that makes it.
  template <class T>
  void make_code(const detail::Rows& rows, bool wait) const;
  /// Tells that another run was interpreted; makes the code when that has taken as long as making it may.
  template <class T>
  void interpreted(std::chrono::nanoseconds time, const detail::Rows& rows) const;

 private:
  struct Code {
    std::unique_ptr<const MachineCode> owned;
    std::atomic<const MachineCode*> made = nullptr;  // what is owned, for all threads to see
    std::atomic<bool> tried = false;
    std::atomic<std::int64_t> interpreted_nanoseconds = 0;
  };
  template <class T>
  Code& code_of() const {
    return sizeof(T) == 4 ? f32_ : f64_;
  }

  mutable std::mutex making_;
  mutable Code f32_, f64_;
};

/// A parsed formula and what was compiled from it so far.
struct Definition {
  explicit Definition(Syntax s, FormulaEngine e = FormulaEngine::automatic) : syntax(std::move(s)), engine(e) {}
  /// What a formula was found to be made of: an element of a sum, or some of its terms. The syntax has names alone.
  Definition(Syntax names, FormulaEngine e, Lowered part)
      : syntax(std::move(names)), engine(e), part_(std::move(part)) {}
  ~Definition();
  Definition(const Definition&) = delete;
  Definition& operator=(const Definition&) = delete;

  /// Compiles to a program on first use. Safe to call from many threads; where there is one, without a lock.
  const Compiled& compiled(Task task, std::int64_t n) const;
  const Program& program(Task task, std::int64_t n) const { return compiled(task, n).program; }

  Syntax syntax;
  FormulaEngine engine;
  mutable cuda::Kernels kernels;

 private:
  struct Entry {
    Task task;
    std::int64_t n;
    Compiled compiled;
    const Entry* next;
  };
  const Entry* find(Task task, std::int64_t n) const;

  std::optional<const Lowered> part_;  // in place of the syntax
  mutable std::mutex compiling_;
  mutable std::atomic<const Entry*> entries_ = nullptr;
};

}  // namespace nabla::formula
