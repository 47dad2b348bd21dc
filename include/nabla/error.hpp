#pragma once

#include <stdexcept>
#include <string>

namespace nabla {

/// Base of everything the library throws. Numerical failure (NaN, divergence) is not thrown: it is data.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Sizes, strides or aliasing of the arguments do not fit together. The message has expected and actual values.
struct ShapeError : Error {
  using Error::Error;
};

/// An array lives in memory that the executor cannot reach (a host array given to a CUDA executor, or the reverse).
struct MemorySpaceError : Error {
  using Error::Error;
};

/// The executor asked for does not exist here: no CUDA in this build, no driver, no such device.
struct ExecutorUnavailable : Error {
  using Error::Error;
};

/// A CUDA call failed. The message has the call, CUDA's name for the error and CUDA's description.
struct CudaError : Error {
  using Error::Error;
};

/// A formula's text, or what was asked of it, makes no sense. The message names line and column and says what would be
/// accepted; its second line is the line of the text, its third has carets under the part that is meant.
struct FormulaError : Error {
  using Error::Error;
};

/// A file could not be read or written, or is not what its name promises. The message begins with the path.
struct FileError : Error {
  using Error::Error;
};

}  // namespace nabla
