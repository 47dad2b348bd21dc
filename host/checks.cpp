#include "checks.hpp"

#include "cuda_seam.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace nabla::detail {

namespace {

/// One view of a call, reduced to what the checks need. Nothing here allocates until there is something to complain of.
struct Region {
  const char* call;
  const char* name;
  const void* data;
  std::int64_t count, components, item_stride, component_stride, size;
  bool is_output = false;
  std::uintptr_t begin = 0, end = 0;  // the bytes it spans

  std::string label() const { return std::string(call) + ": " + name; }
};

std::string shape_text(std::int64_t count, std::int64_t components) {
  return "(" + std::to_string(count) + ", " + std::to_string(components) + ")";
}

template <class T>
Region region(const char* call, const char* name, const BatchView<T>& view, bool is_output) {
  return {call,
          name,
          view.data,
          view.count,
          view.components,
          view.item_stride,
          view.component_stride,
          static_cast<std::int64_t>(sizeof(T)),
          is_output};
}

/// Finds the bytes that a view spans. Strides may be negative or zero.
void locate(Region& r) {
  const auto too_large = [&]() -> ShapeError {
    return ShapeError(r.label() + ": a view of shape " + shape_text(r.count, r.components) + " with strides " +
                      shape_text(r.item_stride, r.component_stride) + " reaches beyond 2^63 bytes");
  };
  std::int64_t low = 0, high = 0;
  const auto extend = [&](std::int64_t steps, std::int64_t stride) {
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(steps, stride, &reach) || __builtin_mul_overflow(reach, r.size, &reach))
      throw too_large();
    if (__builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high)) throw too_large();
  };
  extend(r.count - 1, r.item_stride);
  extend(r.components - 1, r.component_stride);
  if (__builtin_add_overflow(high, r.size, &high)) throw too_large();
  const auto base = reinterpret_cast<std::uintptr_t>(r.data);
  r.begin = base + static_cast<std::uintptr_t>(low);
  r.end = base + static_cast<std::uintptr_t>(high);
}

void check_shape(const Region& r, std::int64_t count, std::int64_t components) {
  if (r.count == count && r.components == components) return;
  throw ShapeError(r.label() + " must have the shape " + shape_text(count, components) + ", found " +
                   shape_text(r.count, r.components));
}

void check_aligned(const Region& r) {
  const auto unit = static_cast<std::uintptr_t>(r.size == sizeof(float) ? sizeof(float) : sizeof(double));
  if (reinterpret_cast<std::uintptr_t>(r.data) % unit != 0) {
    throw ShapeError(r.label() + " is not aligned to its " + std::to_string(unit) + "-byte numbers");
  }
}

/// Whether two views share a period and keep apart within it: records of one array of structures (the period is the
/// item stride), or rows that alternate (the period is the component stride).
bool keep_apart(const Region& a, const Region& b, std::int64_t period, std::int64_t a_steps, std::int64_t a_stride,
                std::int64_t b_steps, std::int64_t b_stride) {
  const auto apart =
      static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(b.data) - reinterpret_cast<std::uintptr_t>(a.data));
  if (period == 0 || apart % a.size != 0) return false;
  const auto within = [period](std::int64_t offset) { return (offset % period + period) % period; };
  // Steps of 1 fill a range; others are few (components of a record) and compared one by one.
  if (a_stride == 1 && b_stride == 1) {
    const std::int64_t start = within(apart / a.size);
    return a_steps <= start && start + b_steps <= period;
  }
  if (a_steps > 4096 || b_steps > 4096) return false;
  for (std::int64_t i = 0; i < a_steps; ++i) {
    for (std::int64_t j = 0; j < b_steps; ++j) {
      if (within(i * a_stride) == within(apart / a.size + j * b_stride)) return false;
    }
  }
  return true;
}

bool interleaves(const Region& a, const Region& b) {
  if (a.size != b.size) return false;
  if (a.item_stride == b.item_stride && a.item_stride != 1 &&
      keep_apart(a, b, std::abs(a.item_stride), a.components, a.component_stride, b.components, b.component_stride)) {
    return true;
  }
  return a.component_stride == b.component_stride &&
         keep_apart(a, b, std::abs(a.component_stride), a.count, a.item_stride, b.count, b.item_stride);
}

/// Whether two items or components of one output share a number. Only layouts in which one of the strides steps over
/// the whole extent of the other dimension are accepted; every real layout does.
bool overlaps_itself(const Region& r) {
  const std::int64_t item = std::abs(r.item_stride), component = std::abs(r.component_stride);
  if (r.count > 1 && item == 0) return true;
  if (r.components > 1 && component == 0) return true;
  if (r.count <= 1 || r.components <= 1) return false;
  return item <= component * (r.components - 1) && component <= item * (r.count - 1);
}

void check_apart(const Region& output, const Region& other) {
  if (output.end <= other.begin || other.end <= output.begin || interleaves(output, other)) return;
  throw ShapeError(output.label() + " overlaps " + other.name + " in memory");
}

void check_space(const Executor& executor, const Region& r) {
  if (!cuda_is_usable()) return;
  const auto space = cuda::space_of(r.data, executor.device());
  if (executor.is_cuda() && space == cuda::Space::other_device) {
    throw MemorySpaceError(r.label() + " is in the memory of another CUDA device than " +
                           std::to_string(executor.device()));
  }
  if (executor.is_cuda() && space == cuda::Space::host) {
    throw MemorySpaceError(r.label() + " is in host memory, which " + executor.name() +
                           " can't read; put it on the device, or use a CPU executor");
  }
  if (!executor.is_cuda() && (space == cuda::Space::device || space == cuda::Space::other_device)) {
    throw MemorySpaceError(r.label() + " is in CUDA device memory, which a CPU executor can't read");
  }
}

/// All that is about memory.
void check_regions(const Executor& executor, std::span<Region> regions) {
  for (std::size_t i = 0; i < regions.size(); ++i) {
    Region& r = regions[i];
    if (r.data == nullptr) {
      throw ShapeError(r.label() + " has the shape " + shape_text(r.count, r.components) + " but no memory");
    }
    check_aligned(r);
    locate(r);
    if (r.is_output && overlaps_itself(r)) {
      throw ShapeError(r.label() + " has strides " + shape_text(r.item_stride, r.component_stride) +
                       " that make its own items overlap");
    }
    for (const Region& other : regions.first(i)) {
      if (r.is_output || other.is_output) check_apart(r.is_output ? r : other, r.is_output ? other : r);
    }
    check_space(executor, r);
  }
}

}  // namespace

template <class T>
void check(const Executor& executor, const Operation<T>& operation, const Request<T>& request) {
  const char* const call = operation.name;
  const std::int64_t count = request.points.count;
  const std::int64_t n = operation.dimension;
  if (n < 1 || count < 0) {
    throw ShapeError(std::string(call) + ": points need a count of 0 or more and at least one component, found shape " +
                     shape_text(count, n));
  }
  Region regions[2 + max_groups + 1];
  std::size_t used = 0;
  regions[used++] = region(call, "points", request.points, false);
  if (operation.needs_extra) {
    const Region direction = region(call, "direction", request.extra, false);
    check_shape(direction, direction.count == 1 ? 1 : count, n);
    regions[used++] = direction;
  }
  for (int g = 0; g < max_groups; ++g) {
    if (!request.out[g]) continue;
    regions[used] = region(call, operation.group_names[g], request.out[g], true);
    check_shape(regions[used++], count, operation.rows.group[g]);
  }
  if (count == 0) used = 0;  // of an empty batch only the summary is touched
  if (request.summary != nullptr) {
    regions[used++] = {call, "summary", request.summary, 1, 1, 1, 1, static_cast<std::int64_t>(sizeof(Summary)), true};
  }
  check_regions(executor, std::span(regions, used));
}

void check_memory(const Executor& executor, const char* call, std::span<const Argument> arguments) {
  constexpr std::size_t few = 24;
  Region on_stack[few];
  std::vector<Region> on_heap(arguments.size() > few ? arguments.size() : 0);
  Region* const regions = arguments.size() > few ? on_heap.data() : on_stack;
  std::size_t used = 0;
  for (const Argument& a : arguments) {
    if (a.count == 0 || a.components == 0) continue;
    regions[used++] = {call,   a.name,     a.data, a.count, a.components, a.item_stride, a.component_stride,
                       a.size, a.is_output};
  }
  check_regions(executor, std::span(regions, used));
}

template void check(const Executor&, const Operation<float>&, const Request<float>&);
template void check(const Executor&, const Operation<double>&, const Request<double>&);

}  // namespace nabla::detail
