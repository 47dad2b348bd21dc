#pragma once

#include "../program.hpp"

#include <nabla/detail/cpu_tile.hpp>

#include <memory>
#include <string>

// Programs as machine code for this processor.

namespace nabla::formula {

/// Fills rows [first, first + points) of a tile's outputs, and of their copies where there are any. `first` and
/// `points` are multiples of machine_lanes().
template <class T>
using TileCode = void (*)(const detail::Tile<T>* tile, const double* parameters, std::int64_t first,
                          std::int64_t points);

/// One compiled program; the code goes with it.
struct MachineCode {
  MachineCode(void* code_address, void* code_tracker) : address(code_address), tracker(code_tracker) {}
  ~MachineCode();
  MachineCode(const MachineCode&) = delete;
  MachineCode& operator=(const MachineCode&) = delete;

  void* address;  // of a TileCode
  void* tracker;
};

/// Why no machine code can be made on this machine; empty if it can.
std::string why_no_machine_code();

/// What makes it, with its version: "LLVM 14, SLEEF". Needs no loading.
std::string machine_code_maker();

/// Points that are computed at once; the machine's widest packs.
template <class T>
int machine_lanes();

/// Longer programs, which would take seconds to compile, are interpreted.
inline constexpr std::size_t most_compiled_instructions = 20'000;

/// Null where none can be made or the program is too long. The program's rows are those of `rows`, group by group.
/// Safe to call from many threads.
template <class T>
std::unique_ptr<const MachineCode> make_machine_code(const Program& program, const detail::Rows& rows);

}  // namespace nabla::formula
