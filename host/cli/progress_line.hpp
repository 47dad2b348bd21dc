#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>

namespace nabla::cli {

/// One line on a terminal that tells how far work has come, from its first second on; it is gone at the end. Where
/// standard error is no terminal there is none.
class ProgressLine {
 public:
  explicit ProgressLine(bool wanted);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  /// May be called often, and by many threads; `text` is asked a few times a second.
  void update(const std::function<std::string()>& text);

 private:
  using Clock = std::chrono::steady_clock;

  bool wanted_;
  bool shown_ = false;
  std::mutex writing_;
  Clock::time_point next_;
};

}  // namespace nabla::cli
