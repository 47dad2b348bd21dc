#pragma once

namespace nabla::cli {

/// While one exists, the first signal that asks the process to end (Ctrl-C, or SIGTERM) is only noted, so that work can
/// end in order; the next one ends the process as before. One at a time.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  bool asked() const;
};

}  // namespace nabla::cli
