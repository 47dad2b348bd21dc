#include "interruption.hpp"

#include <array>
#include <atomic>
#include <csignal>

namespace nabla::cli {

namespace {

using Handler = void (*)(int);

struct Noted {
  int signal;
  std::atomic<Handler> before = SIG_DFL;
};
std::array<Noted, 2> noted{{{SIGINT}, {SIGTERM}}};
std::atomic<bool> was_asked = false;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<Handler>::is_always_lock_free);

extern "C" void note(int signal) {
  was_asked = true;
  for (const Noted& one : noted) {
    if (one.signal == signal) std::signal(signal, one.before);
  }
}

}  // namespace

Interruption::Interruption() {
  was_asked = false;
  for (Noted& one : noted) {
    one.before = std::signal(one.signal, note);
    // As with nohup: what was not to end the process is not to end its work.
    if (one.before == SIG_IGN) std::signal(one.signal, SIG_IGN);
  }
}

Interruption::~Interruption() {
  for (const Noted& one : noted) std::signal(one.signal, one.before);
}

bool Interruption::asked() const { return was_asked; }

}  // namespace nabla::cli
