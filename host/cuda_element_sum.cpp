#include "cuda_element_sum.hpp"

#include "cuda_seam.hpp"
#include "owner_lists.hpp"

#include <algorithm>
#include <string>

// Sums of elements on a CUDA device: what the kernels (kernels/element_sum.cuh) are given, and what becomes of their
// partial sums.

namespace nabla::detail::cuda {

namespace {

ElementGrid grid_of(const Affine& affine) {
  ElementGrid grid{};
  std::ranges::copy(affine.extent, grid.extent);
  std::ranges::copy(affine.stride, grid.stride);
  std::ranges::copy(affine.offsets, grid.offset);
  return grid;
}

/// Whether elements add to the variables in any order. Entries of a Hessian have places, and two of them each, which
/// are to be the same.
bool scatters(const Table& table, ElementPass pass) {
  return table.additions == Additions::unordered && pass != ElementPass::value && pass != ElementPass::hessian;
}

ElementTable table_of(const Executor& executor, const char* name, const Table& table) {
  const OwnerLists& owners = *table.owners;
  if (const int device = owners.starts.executor().device(); device != executor.device()) {
    throw MemorySpaceError(std::string(name) + ": the sum's table was prepared for CUDA device " +
                           std::to_string(device) + ", not " + std::to_string(executor.device()));
  }
  const bool wide = owners.many_elements.size() > 0;
  return {table.entries,
          table.item_stride,
          table.component_stride,
          table.block,
          owners.starts.data(),
          wide ? static_cast<const void*>(owners.many_elements.data()) : owners.elements.data(),
          table.wide,
          wide};
}

/// The pattern's copy on the device, made if the last one is of another.
template <class T>
const DevicePattern& pattern_on_device(const Executor& executor, const ElementCall<T>& call) {
  std::shared_ptr<const DevicePattern>& last = *call.device_pattern;
  const SparsePattern& pattern = *call.pattern;
  const bool is_same =
      last != nullptr && last->starts.executor().device() == executor.device() &&
      (last->original.get() == &pattern || (call.kept_pattern == nullptr && last->original->starts == pattern.starts &&
                                            last->original->columns == pattern.columns));
  if (is_same) return *last;
  auto original = call.kept_pattern != nullptr ? call.kept_pattern : std::make_shared<const SparsePattern>(pattern);
  Array<std::int64_t> starts(executor, static_cast<std::int64_t>(pattern.starts.size())),
      columns(executor, static_cast<std::int64_t>(pattern.columns.size()));
  starts.upload(pattern.starts);
  columns.upload(pattern.columns);
  last =
      std::make_shared<const DevicePattern>(DevicePattern{std::move(original), std::move(starts), std::move(columns)});
  return *last;
}

/// Where a pass writes; at most one of the outputs is wanted.
template <class T>
std::span<T> output_of(const ElementOutputs<T>& outputs) {
  for (const std::span<T> vector : {outputs.gradient, outputs.product, outputs.values, outputs.diagonal}) {
    if (!vector.empty()) return vector;
  }
  return outputs.hessian;
}

template <class T>
ElementRequest<T> request_of(const Executor& executor, const ElementCall<T>& call) {
  ElementRequest<T> request{};
  request.elements = elements_of(call.connectivity);
  request.variables = call.variables;
  request.x = call.x.data();
  request.v = call.v.data();
  request.data = call.data.data;
  request.data_item_stride = call.data.item_stride;
  request.data_component_stride = call.data.component_stride;
  request.out = output_of(call.outputs).data();
  request.add = call.outputs.add;
  if (call.pass == ElementPass::hessian) {
    const DevicePattern& pattern = pattern_on_device(executor, call);
    request.starts = pattern.starts.data();
    request.columns = pattern.columns.data();
  }
  return request;
}

double* workspace_of(const Executor& executor, std::int64_t count, std::int64_t rows) {
  return static_cast<double*>(
      workspace(executor, static_cast<std::size_t>(fold_numbers(count, rows)) * sizeof(double)));
}

/// Waits for a number.
double fetch(const Executor& executor, const double* from) {
  double number = 0;
  copy_bytes(executor, &number, from, sizeof(double));
  return number;
}

/// Elements that all touch the same variables.
template <class T>
double run_shared(const Executor& executor, const ElementCall<T>& call, ElementLaunch<T> launch) {
  ElementRequest<T>& request = launch.request;
  const std::int64_t slots = call.operation.dimension, parts = shared_parts(request.elements),
                     rows = shared_rows(call.pass, slots);
  const std::span<T> out = output_of(call.outputs);
  const bool assembles = call.pass != ElementPass::value && !out.empty();
  if (assembles && !request.add) clear(executor.state(), out.data(), out.size_bytes());
  if (request.elements == 0) return 0;
  request.partials = workspace_of(executor, parts, rows);
  launch.shared = true;
  launch.blocks = shared_blocks(call.pass, slots, request.elements);
  call.launch(call.function, launch);
  const double* const sums = fold_sums(executor.state(), request.partials, parts, rows);
  if (assembles) cuda::assemble_shared(executor.state(), call.pass, *launch.grid, slots, sums + 1, request);
  return has_value(call.pass) ? fetch(executor, sums) : 0;
}

}  // namespace

template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call) {
  if (call.launch == nullptr) {
    throw ExecutorUnavailable(std::string(call.operation.name) + ": " + call.operation.no_launch);
  }
  if (!has_value(call.pass) && output_of(call.outputs).empty()) return 0;
  const CurrentDevice current(executor.device());
  const auto* const affine = std::get_if<Affine>(&call.connectivity);
  ElementLaunch<T> launch{call.pass, request_of(executor, call), nullptr, nullptr,           false,
                          false,     call.operation.dimension,   0,       executor.device(), executor.stream()};
  ElementRequest<T>& request = launch.request;
  ElementGrid grid{};
  ElementTable table{};
  if (affine != nullptr) {
    grid = grid_of(*affine);
    launch.grid = &grid;
    if (is_shared(*affine)) return run_shared(executor, call, launch);
  } else {
    const Table& given = std::get<Table>(call.connectivity);
    launch.scatters = scatters(given, call.pass);
    const bool has_owners = call.pass != ElementPass::value && !launch.scatters;
    if (has_owners) list_owners(given, call.variables);
    table = table_of(executor, call.operation.name, given);
    launch.table = &table;
  }
  if (launch.scatters && request.out != nullptr && !request.add) {
    clear(executor.state(), request.out, static_cast<std::size_t>(request.variables) * sizeof(T));
  }
  const std::int64_t block = affine != nullptr ? 1 : table.block;
  const bool by_element = call.pass == ElementPass::value || launch.scatters;
  const std::int64_t blocks = element_blocks(by_element ? request.elements : (request.variables + block - 1) / block);
  if (blocks == 0) return 0;
  launch.blocks = blocks;
  if (has_value(call.pass)) request.partials = workspace_of(executor, blocks, 1);
  call.launch(call.function, launch);
  return has_value(call.pass) ? fetch(executor, fold_sums(executor.state(), request.partials, blocks, 1)) : 0;
}
template double run_elements(const Executor&, const ElementCall<float>&);
template double run_elements(const Executor&, const ElementCall<double>&);

}  // namespace nabla::detail::cuda
