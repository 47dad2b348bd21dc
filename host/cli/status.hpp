#pragma once

#include <nabla/error.hpp>

namespace nabla::cli {

/// What the process ends with. Scripts depend on the numbers.
enum Status : int {
  good = 0,         ///< done
  negative = 1,     ///< ran, and the answer is no
  bad_input = 2,    ///< bad usage or bad input
  unavailable = 3,  ///< the executor asked for is not there
};

/// The command line itself is wrong. The message begins with the argument that is to blame.
struct UsageError : Error {
  using Error::Error;
};

}  // namespace nabla::cli
