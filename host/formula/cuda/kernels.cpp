#include "kernels.hpp"

#include "../definition.hpp"
#include "../disk_cache.hpp"
#include "../generate.hpp"
#include "device_headers.hpp"

#include <nabla/detail/ladder.hpp>
#include <nabla/version.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <type_traits>
#include <utility>

namespace nabla::formula::cuda {

namespace {

/// A kernel's parameters have 4 KiB together on some devices: these, a body's options and a request.
constexpr std::size_t most_parameters = 400, most_options = sizeof(detail::LadderPlan<double>);
static_assert(most_parameters * sizeof(double) + most_options + sizeof(detail::Request<double>) <= 4096 - 64);

/// Up to so many variables loops over them are unrolled, by the choice of a body with a constant number of them.
constexpr std::int64_t most_unrolled = 16;

/// The driver's assembler takes up to 4 s for so many, and more than its share for each beyond: 41 s were seen for
/// 7,000. NVRTC takes 0.3 s.
constexpr std::size_t most_instructions = 2'000;

/// How often a ladder has its function's value.
constexpr int copies_in_ladder = 3;

std::string source_of(const Definition& definition, const Call& call) {
  const Program& program = definition.program(call.task, call.n);
  const bool climbs = std::strcmp(call.body, ladder_body) == 0;
  const int copies = climbs ? copies_in_ladder : 1;
  const std::size_t most = most_instructions / static_cast<std::size_t>(copies);
  if (program.instructions.size() > most) {
    throw ExecutorUnavailable("a formula on a CUDA device may have " + std::to_string(most) +
                              " operations with its derivatives, this one has " +
                              std::to_string(program.instructions.size()) + "; use a CPU executor");
  }
  const auto outputs = static_cast<std::int64_t>(definition.syntax.outputs.size());
  return "#include <nabla/detail/program_" + std::string(climbs ? "ladder" : "body") +
         ".hpp>\n#include <nabla/kernels/called_math.cuh>\n#include <nabla/kernels/evaluate.cuh>\n\nnamespace "
         "nabla::detail {\n\n" +
         generate_program(program, outputs, call.parameters.size(), "FormulaProgram", copies) +
         "\nusing FormulaBody = ProgramBody<" + call.body + "<FormulaProgram, " +
         (call.n <= most_unrolled ? std::to_string(call.n) : "dynamic") + ">>;\n\n}  // namespace nabla::detail\n";
}

/// All that the outcome of compile() depends on.
std::string key_of(const std::string& source, const std::string& kernel, const std::string& target) {
  return std::string("nabla ") + version + "\nheaders " + std::string(device_headers_digest()) + "\nNVRTC " +
         nvrtc_identity() + "\noptions " + compiler_options() + "\ntarget " + target + "\nkernel " + kernel + "\n" +
         source;
}

/// What the process has loaded, or is loading, under a key.
struct Loaded {
  std::mutex making;
  detail::cuda::LoadedKernel kernel;
};
Loaded& loaded_under(std::string key, int device) {
  static std::mutex looking;
  // Never destroyed, as kernels are never unloaded: what the program destroys after this may still use them.
  static auto& all = *new std::map<std::pair<std::string, int>, Loaded>;
  const std::lock_guard lock(looking);
  return all[{std::move(key), device}];
}

const detail::cuda::LoadedKernel& load_once(const std::string& source, const std::string& kernel,
                                            const std::string& target, int device) {
  Loaded& loaded = loaded_under(key_of(source, kernel, target), device);
  const std::lock_guard lock(loaded.making);
  if (loaded.kernel.function == nullptr) {
    const CompiledKernel compiled = compile_or_load(source, kernel, target);
    loaded.kernel = detail::cuda::load_kernel(device, compiled.ptx, compiled.name, "NVRTC " + nvrtc_version());
  }
  return loaded.kernel;
}

}  // namespace

CompiledKernel compile_or_load(const std::string& source, const std::string& kernel, const std::string& target) {
  const std::string directory = cache_directory();
  const std::string key = key_of(source, kernel, target);
  if (const auto found = load_cached(directory, key)) {
    const std::size_t end = found->find('\n');
    if (end != std::string::npos) return {found->substr(0, end), found->substr(end + 1)};
  }
  CompiledKernel made = compile(source, kernel, target);
  store_cached(directory, key, made.name + "\n" + made.ptx);
  return made;
}

bool can_climb(const Definition& definition, std::int64_t n) {
  return definition.program(Task::value, n).instructions.size() <= most_instructions / copies_in_ladder;
}

Kernels::~Kernels() {
  for (const Entry* entry = entries_; entry != nullptr;) delete std::exchange(entry, entry->next);
}

std::int64_t Kernels::count() const {
  std::int64_t found = 0;
  for (const Entry* entry = entries_; entry != nullptr; entry = entry->next) ++found;
  return found;
}

const Kernels::Entry* Kernels::find(const Key& key) const {
  const Entry* entry = entries_.load(std::memory_order_acquire);
  const auto same = [&](const Key& other) {
    return key.n == other.n && key.summary == other.summary && key.device == other.device &&
           std::strcmp(key.body, other.body) == 0 && std::strcmp(key.precision, other.precision) == 0;
  };
  while (entry != nullptr && !same(entry->key)) entry = entry->next;
  return entry;
}

const detail::cuda::LoadedKernel& Kernels::get(const Definition& definition, const Call& call, const Key& key,
                                               bool tiled) {
  if (const Entry* const entry = find(key)) return entry->kernel;
  const std::lock_guard lock(compiling_);
  if (const Entry* const entry = find(key)) return entry->kernel;
  const std::string kernel = std::string("nabla::detail::") + (tiled ? "tile" : "strided") + "_kernel<" +
                             key.precision + ", nabla::detail::FormulaBody, " + (key.summary ? "true" : "false") + ">";
  const std::string target = target_of(detail::cuda::device_info(key.device).compute_capability);
  const auto* const made =
      new Entry{key, load_once(source_of(definition, call), kernel, target, key.device), entries_.load()};
  entries_.store(made, std::memory_order_release);
  return made->kernel;
}

template <class T>
void launch(const Definition& definition, const Call& call, const detail::CudaLaunch<T>& launch) {
  if (call.parameters.size() > most_parameters) {
    throw ShapeError("a formula on a CUDA device may have " + std::to_string(most_parameters) +
                     " parameters, this one has " + std::to_string(call.parameters.size()));
  }
  const detail::EvaluateShape shape = detail::evaluate_shape<T>(call.rows);
  const detail::cuda::LoadedKernel& kernel = definition.kernels.get(
      definition, call,
      {call.body, call.n, std::is_same_v<T, float> ? "float" : "double", launch.partials != nullptr, launch.device},
      shape.tiled);
  // The body is its parameters, of which generate_program() makes one at least, and for some bodies options.
  alignas(double) std::array<std::byte, most_parameters * sizeof(double) + most_options> body{};
  const auto end = std::ranges::copy(std::as_bytes(call.parameters), body.begin()).out;
  std::ranges::copy(call.options, call.parameters.empty() ? end + sizeof(double) : end);
  detail::Request<T> request = launch.request;
  auto block_points = static_cast<int>(detail::points_per_block(request.points.count));
  void* partials = launch.partials;
  void* addresses[] = {body.data(), &request, &block_points, &partials};
  detail::cuda::launch_loaded(launch.stream, kernel, launch.blocks, shape, addresses);
}
template void launch(const Definition&, const Call&, const detail::CudaLaunch<float>&);
template void launch(const Definition&, const Call&, const detail::CudaLaunch<double>&);

}  // namespace nabla::formula::cuda
