#include "progress_line.hpp"

#include <unistd.h>

#include <cstdio>

namespace nabla::cli {

namespace {

constexpr std::chrono::milliseconds before_the_first{1000}, between{200};
constexpr char begin_anew[] = "\r\x1b[K";  // and the rest of the line is cleared

}  // namespace

ProgressLine::ProgressLine(bool wanted)
    : wanted_(wanted && isatty(STDERR_FILENO) == 1), next_(Clock::now() + before_the_first) {}

ProgressLine::~ProgressLine() {
  if (shown_) std::fputs(begin_anew, stderr);
}

void ProgressLine::update(const std::function<std::string()>& text) {
  if (!wanted_) return;
  const std::unique_lock lock(writing_, std::try_to_lock);
  if (!lock || Clock::now() < next_) return;
  next_ = Clock::now() + between;
  shown_ = true;
  std::fputs((begin_anew + text()).c_str(), stderr);
}

}  // namespace nabla::cli
