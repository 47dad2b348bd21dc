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
#include <iterator>
#include <map>
#include <type_traits>
#include <utility>

namespace nabla::formula::cuda {

namespace {

/// A kernel's parameters have 4 KiB together on some devices: these, a body's options and a request.
constexpr std::size_t most_parameters = 400, most_options = sizeof(detail::LadderPlan<double>);
static_assert(most_parameters * sizeof(double) + most_options + sizeof(detail::Request<double>) <= 4096 - 64);
static_assert(most_parameters * sizeof(double) + sizeof(detail::ElementGrid) + sizeof(detail::ElementRequest<double>) <=
              4096 - 64);

/// Up to so many variables loops over them are unrolled, by the choice of a body with a constant number of them.
constexpr std::int64_t most_unrolled = 16;

/// The driver's assembler takes up to 4 s for so many, and more than its share for each beyond: 41 s were seen for
/// 7,000. NVRTC takes 0.3 s.
constexpr std::size_t most_instructions = 2'000;

/// The same for elements of sums, whose derivatives take several times as many.
constexpr std::size_t most_element_instructions = 500;

/// How often a ladder has its function's value.
constexpr int copies_in_ladder = 3;

/// Throws ExecutorUnavailable for a formula with too many operations.
void require_short(std::size_t found, std::size_t most, const std::string& which) {
  if (found <= most) return;
  throw ExecutorUnavailable("a formula on a CUDA device may have " + std::to_string(most) + " operations" + which +
                            ", this one has " + std::to_string(found) + "; use a CPU executor");
}

/// With more elementary functions than this in a kernel they are called; compiled in, a thousand take half a minute.
constexpr std::ptrdiff_t most_inlined = 32;

bool is(const Call& call, const char* body) { return std::strcmp(call.body, body) == 0; }
bool sums_squares(const Call& call) { return is(call, squares_body) || is(call, normal_body); }

/// What comes first in the source of a kernel that has a program's elementary functions in so many places.
std::string how_to_call(const Program& program, std::ptrdiff_t copies) {
  const std::ptrdiff_t functions = std::ranges::count_if(program.instructions, [](const Instruction& i) {
    const bool one_argument = i.op >= Op::cbrt && i.op <= Op::erfc;
    const bool two = i.op == Op::power || i.op == Op::atan2 || i.op == Op::hypot;
    return i.code == Instruction::Code::sine_and_cosine ||
           (i.code == Instruction::Code::operation && (one_argument || two));
  });
  return copies * functions > most_inlined ? "#include <nabla/kernels/called_math.cuh>\n" : "";
}

/// The type of a call's body, of a program.
std::string body_of(const Call& call) {
  const std::string n = call.n <= most_unrolled ? std::to_string(call.n) : "dynamic";
  if (sums_squares(call)) {
    return "ProgramFitBody<FormulaProgram, " + n + (is(call, normal_body) ? ", true>" : ", false>");
  }
  return std::string("ProgramBody<") + call.body + "<FormulaProgram, " + n + ">>";
}

/// `kernels`: the header that has them.
std::string text_of(const Definition& definition, const Call& call, const char* kernels) {
  const Program& program = definition.program(call.task, call.n);
  const bool climbs = is(call, ladder_body);
  const int copies = climbs ? copies_in_ladder : 1;
  const std::size_t most = most_instructions / static_cast<std::size_t>(copies);
  require_short(program.instructions.size(), most, " with its derivatives");
  const auto outputs = static_cast<std::int64_t>(definition.syntax.outputs.size());
  return how_to_call(program, copies) + "#include <nabla/detail/program_" + (climbs ? "ladder" : "body") +
         ".hpp>\n#include <nabla/kernels/" + kernels + ">\n\nnamespace nabla::detail {\n\n" +
         generate_program(program, outputs, call.parameters.size(), "FormulaProgram") +
         "\nusing FormulaBody = " + body_of(call) + ";\n\n}  // namespace nabla::detail\n";
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
           std::strcmp(key.body, other.body) == 0 && std::strcmp(key.elements, other.elements) == 0 &&
           std::strcmp(key.precision, other.precision) == 0;
  };
  while (entry != nullptr && !same(entry->key)) entry = entry->next;
  return entry;
}

const detail::cuda::LoadedKernel& Kernels::add(const Key& key, const KernelSource& source) {
  const std::lock_guard lock(compiling_);
  if (const Entry* const entry = find(key)) return entry->kernel;
  const std::string target = target_of(detail::cuda::device_info(key.device).compute_capability);
  const auto* const made = new Entry{key, load_once(source.text, source.kernel, target, key.device), entries_.load()};
  entries_.store(made, std::memory_order_release);
  return made->kernel;
}

KernelSource source_of(const Definition& definition, const Call& call, const char* precision, bool tiled,
                       bool summary) {
  return {text_of(definition, call, "evaluate.cuh"), std::string("nabla::detail::") + (tiled ? "tile" : "strided") +
                                                         "_kernel<" + precision + ", nabla::detail::FormulaBody, " +
                                                         (summary ? "true" : "false") + ">"};
}

namespace {

template <class T>
constexpr const char* precision_of = std::is_same_v<T, float> ? "float" : "double";

void require_parameters(std::span<const double> parameters) {
  if (parameters.size() <= most_parameters) return;
  throw ShapeError("a formula on a CUDA device may have " + std::to_string(most_parameters) +
                   " parameters, this one has " + std::to_string(parameters.size()));
}

}  // namespace

template <class T>
void launch(const Definition& definition, const Call& call, const detail::CudaLaunch<T>& launch) {
  require_parameters(call.parameters);
  const detail::EvaluateShape shape = detail::evaluate_shape<T>(call.rows);
  const bool summary = launch.partials != nullptr;
  const detail::cuda::LoadedKernel& kernel =
      definition.kernels.get({call.body, "", call.n, precision_of<T>, summary, launch.device},
                             [&] { return source_of(definition, call, precision_of<T>, shape.tiled, summary); });
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

namespace {

/// What kernels call a method.
const char* name_of(detail::EachMethod method) {
  using enum detail::EachMethod;
  switch (method) {
    case fixed_gradient:
      return "FixedGradient";
    case searched_gradient:
      return "SearchedGradient";
    case fixed_heavy_ball:
      return "FixedHeavyBall";
    case searched_heavy_ball:
      return "SearchedHeavyBall";
    case fixed_nesterov:
      return "FixedNesterov";
    case searched_nesterov:
      return "SearchedNesterov";
    case barzilai_borwein:
      return "BarzilaiBorwein";
    case bfgs:
      return "Bfgs";
    case newton:
      return "Newton";
    case levenberg_marquardt:
      return "LevenbergMarquardt";
    default:
      return "LimitedBfgs";
  }
}

}  // namespace

template <class T>
void launch_each(const Definition& definition, const Call& call, const detail::EachLaunch<T>& launch) {
  using detail::EachMethod, detail::EachProgram, detail::with_method, detail::each_memory_rows;
  require_parameters(call.parameters);
  const detail::cuda::LoadedKernel& kernel =
      definition.kernels.get({call.body, name_of(launch.method), call.n, precision_of<T>, false, launch.device}, [&] {
        return KernelSource{text_of(definition, call, sums_squares(call) ? "each_residuals.cuh" : "each.cuh"),
                            std::string("nabla::detail::each_kernel<") + precision_of<T> +
                                ", nabla::detail::FormulaBody, nabla::detail::each::" + name_of(launch.method) + ">"};
      });
  std::array<double, most_parameters> body{};
  std::ranges::copy(call.parameters, body.begin());
  std::int64_t blocks = launch.blocks(detail::cuda::resident_blocks(launch.device, kernel, detail::each_threads));
  detail::EachRequest<T> request = launch.request;
  const auto n = static_cast<int>(call.n), of_body = call.n <= most_unrolled ? n : 0;
  request.rows = launch.memory(
      blocks, detail::each_threads * with_method(launch.method, [&]<EachMethod which, class P>(EachProgram<which, P>) {
                return each_memory_rows<P>(of_body, n, request.rules.memory, call.rows);
              }));
  void* addresses[] = {body.data(), &request};
  detail::cuda::launch_loaded(launch.stream, kernel, blocks, {false, detail::each_threads, 0}, addresses);
}
template void launch_each(const Definition&, const Call&, const detail::EachLaunch<float>&);
template void launch_each(const Definition&, const Call&, const detail::EachLaunch<double>&);

namespace {

const char* name_of(detail::ElementPass pass) {
  using enum detail::ElementPass;
  switch (pass) {
    case value:
      return "value";
    case gradient:
      return "gradient";
    case product:
      return "product";
    case diagonal:
      return "diagonal";
    default:
      return "hessian";
  }
}

/// The type that kernels know elements by; "shared" where all have the same variables, "scatters" where they add.
template <class T>
const char* elements_of(const detail::ElementLaunch<T>& launch) {
  if (launch.shared) return "shared";
  if (launch.scatters) return "scatters";
  if (launch.table == nullptr) return detail::is_chain(*launch.grid) ? "Chain" : "Grid";
  constexpr const char* lists[] = {"Lists<nabla::dynamic>", "Lists<1>", "Lists<2>", "Lists<3>", "Lists<4>"};
  static_assert(std::size(lists) == detail::most_fixed_block + 1);
  return lists[launch.table->block <= detail::most_fixed_block ? launch.table->block : 0];
}

template <class T>
KernelSource source_of(const Definition& definition, std::size_t parameters, const detail::ElementLaunch<T>& launch) {
  const Program& value = definition.program(Task::value, launch.slots);
  require_short(value.instructions.size(), most_element_instructions, " as an element of a sum");
  const std::string space = "nabla::detail::", pass = space + "ElementPass::" + name_of(launch.pass) + ", ",
                    element = std::to_string(launch.slots) + ", " + precision_of<T> + ", " + space + "FormulaElement",
                    elements = ", " + space + elements_of(launch);
  const std::string kernel = launch.shared                               ? "shared_kernel<" + pass + element
                             : launch.scatters                           ? "scatter_kernel<" + pass + element
                             : launch.pass == detail::ElementPass::value ? "value_kernel<" + element + elements
                                                                         : "owner_kernel<" + pass + element + elements;
  // Of each function there are a value, a slope and a second derivative, and what those take.
  const int copies = launch.pass == detail::ElementPass::value      ? 1
                     : launch.pass == detail::ElementPass::gradient ? 2
                                                                    : 4;
  return {how_to_call(value, copies) + "#include <nabla/kernels/element_sum.cuh>\n\nnamespace nabla::detail {\n\n" +
              generate_element(value, launch.slots, parameters, "FormulaElement") + "\n}  // namespace nabla::detail\n",
          space + kernel + ">"};
}

}  // namespace

template <class T>
void launch_elements(const Definition& definition, std::span<const double> parameters,
                     const detail::ElementLaunch<T>& launch) {
  require_parameters(parameters);
  const detail::cuda::LoadedKernel& kernel = definition.kernels.get(
      {name_of(launch.pass), elements_of(launch), launch.slots, precision_of<T>, false, launch.device},
      [&] { return source_of(definition, parameters.size(), launch); });
  // The element is its parameters; without any it is an empty class, which is a parameter of one byte.
  std::array<double, most_parameters> element{};
  std::ranges::copy(parameters, element.begin());
  detail::ElementRequest<T> request = launch.request;
  detail::ElementGrid grid{};
  detail::ElementTable table{};
  void* elements = &grid;
  int block = 1;
  if (launch.table != nullptr) {
    table = *launch.table;
    elements = &table;
    block = static_cast<int>(table.block);
  } else {
    grid = *launch.grid;
  }
  void* addresses[] = {element.data(), elements, &request, &block};  // the last for two kernels alone
  detail::cuda::launch_loaded(launch.stream, kernel, launch.blocks, {false, detail::element_threads, 0}, addresses);
}
template void launch_elements(const Definition&, std::span<const double>, const detail::ElementLaunch<float>&);
template void launch_elements(const Definition&, std::span<const double>, const detail::ElementLaunch<double>&);

}  // namespace nabla::formula::cuda
