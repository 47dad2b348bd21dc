#include "definition.hpp"

namespace nabla::formula {

Definition::~Definition() {
  for (const Entry* entry = entries_; entry != nullptr;) delete std::exchange(entry, entry->next);
}

const Definition::Entry* Definition::find(Task task, std::int64_t n) const {
  const Entry* entry = entries_.load(std::memory_order_acquire);
  while (entry != nullptr && (entry->task != task || entry->n != n)) entry = entry->next;
  return entry;
}

const Compiled& Definition::compiled(Task task, std::int64_t n) const {
  if (const Entry* const entry = find(task, n)) return entry->compiled;
  const std::lock_guard lock(compiling_);
  if (const Entry* const entry = find(task, n)) return entry->compiled;
  Program program = part_ ? compile(*part_, task, n) : compile(syntax, task, n);
  const auto* const made = new Entry{task, n, Compiled(std::move(program)), entries_.load(std::memory_order_relaxed)};
  entries_.store(made, std::memory_order_release);
  return made->compiled;
}

template <class T>
void Compiled::make_code(const detail::Rows& rows, bool wait) const {
  Code& code = code_of<T>();
  if (code.tried.load(std::memory_order_acquire)) return;
  std::unique_lock lock(making_, std::defer_lock);
  if (wait) {
    lock.lock();
  } else if (!lock.try_lock()) {
    return;
  }
  if (code.tried.load(std::memory_order_relaxed)) return;
  code.owned = make_machine_code<T>(program, rows);
  code.made.store(code.owned.get(), std::memory_order_release);
  code.tried.store(true, std::memory_order_release);
}
template void Compiled::make_code<float>(const detail::Rows&, bool) const;
template void Compiled::make_code<double>(const detail::Rows&, bool) const;

template <class T>
void Compiled::interpreted(std::chrono::nanoseconds time, const detail::Rows& rows) const {
  // What LLVM takes: 5 ms, and up to 0.1 ms for each instruction.
  const auto worth = 5'000'000 + 100'000 * static_cast<std::int64_t>(program.instructions.size());
  if (code_of<T>().interpreted_nanoseconds.fetch_add(time.count(), std::memory_order_relaxed) > worth) {
    make_code<T>(rows, false);
  }
}
template void Compiled::interpreted<float>(std::chrono::nanoseconds, const detail::Rows&) const;
template void Compiled::interpreted<double>(std::chrono::nanoseconds, const detail::Rows&) const;

}  // namespace nabla::formula
