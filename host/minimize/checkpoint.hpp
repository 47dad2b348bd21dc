#pragma once

#include "descent.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace nabla::descent {

/// Writes and reads what a descent needs to go on: a header, what `keep` names, padded to words of eight bytes, and a
/// checksum of all that, in the machine's byte order. Files appear complete or not at all (new_file.hpp).
template <class T>
class Checkpoint {
 public:
  using Keep = std::function<void(State<T>&)>;

  Checkpoint(const Executor& executor, const MinimizeOptions& options, std::int64_t n, Keep keep);

  /// Throws FileError where options.checkpoint can't be created, before anything is computed.
  void require_writable() const;
  /// Throws FileError.
  void write() const;
  /// From options.resume. Throws FileError, before it changes anything, for a file that is damaged or that is a
  /// checkpoint of something else.
  void read() const;

 private:
  const Executor& executor_;
  const MinimizeOptions& options_;
  std::int64_t n_;
  Keep keep_;
  mutable std::vector<std::byte> buffer_;
};

extern template class Checkpoint<float>;
extern template class Checkpoint<double>;

}  // namespace nabla::descent
