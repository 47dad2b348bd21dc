#include "commands.hpp"
#include "common.hpp"

#include "../cuda_seam.hpp"
#include "../formula/cuda/nvrtc.hpp"
#include "../formula/jit/machine_code.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <nabla/batch.hpp>
#include <nabla/lanes.hpp>
#include <nabla/version.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <thread>

// nabla info: this machine and this build.

namespace nabla::cli {

namespace {

using nlohmann::ordered_json;

constexpr char example[] =
    "  nabla info --json\n"
    "      executors and why one is missing, SIMD width, copy bandwidth, CUDA devices, what runs formulas, versions\n";

/// Bytes read and written per second by a large copy, the best of a few within a fifth of a second.
double copy_bandwidth(const Executor& executor) {
  const std::int64_t numbers = std::int64_t{1} << (executor.is_cuda() ? 25 : 24);
  constexpr double long_enough = 0.2;
  const Array<double> from(executor, numbers), to(executor, numbers);
  const auto bytes = static_cast<std::size_t>(numbers) * sizeof(double);
  const auto copy = [&] {
    if (executor.is_cuda()) return detail::copy_bytes(executor, to.data(), from.data(), bytes);
#pragma omp parallel num_threads(executor.threads())
    {
      const auto threads = static_cast<std::int64_t>(omp_get_num_threads());
      const std::int64_t begin = numbers * omp_get_thread_num() / threads;
      const std::int64_t end = numbers * (omp_get_thread_num() + 1) / threads;
      std::memcpy(to.data() + begin, from.data() + begin, static_cast<std::size_t>(end - begin) * sizeof(double));
    }
  };
  if (!executor.is_cuda()) std::fill_n(from.data(), numbers, 1.0);  // memory that was never written is not read either
  copy();
  double best = 0;
  const Stopwatch all;
  while (best == 0 || all.seconds() < long_enough) {
    const Stopwatch one;
    copy();
    best = std::max(best, 2 * static_cast<double>(bytes) / one.seconds());
  }
  return best;
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "g++ " __VERSION__;
#else
  return "unknown";
#endif
}

ordered_json describe_cpu(const Executor& cpu) {
  const double bandwidth = copy_bandwidth(cpu);
  return {{"name", cpu.name()},
          {"threads", cpu.threads()},
          {"hardware_threads", std::thread::hardware_concurrency()},
          {"simd",
           {{"instruction_set", xsimd::default_arch::name()},
            {"bits", sizeof(Lanes<double>) * 8},
            {"lanes_f32", Lanes<float>::size},
            {"lanes_f64", Lanes<double>::size}}},
          {"copy_bytes_per_second", bandwidth}};
}

ordered_json describe_device(int device) {
  const auto found = detail::cuda::device_info(device);
  return {{"device", device},
          {"name", found.name},
          {"compute_capability", fmt::format("{}.{}", found.compute_capability / 10, found.compute_capability % 10)},
          {"memory_bytes", found.memory_bytes},
          {"multiprocessors", found.multiprocessors},
          {"copy_bytes_per_second", copy_bandwidth(Executor::cuda(device))}};
}

/// What runs functions given as text.
ordered_json describe_formulas() {
  const std::string why_interpreted = formula::why_no_machine_code();
  const bool compiles = why_interpreted.empty();
  std::string why_no_kernels = Executor::why_no_cuda();
  if (why_no_kernels.empty()) why_no_kernels = formula::cuda::why_no_nvrtc();
  const bool has_kernels = why_no_kernels.empty();
  return {{"cpu", {{"engine", compiles ? formula::machine_code_maker() : "interpreter"}, {"reason", why_interpreted}}},
          {"cuda",
           {{"engine", has_kernels ? "NVRTC " + formula::cuda::nvrtc_version() : "none"}, {"reason", why_no_kernels}}}};
}

ordered_json describe_versions() {
  return {{"nabla", version},
          {"compiler", compiler()},
          {"xsimd", fmt::format("{}.{}.{}", XSIMD_VERSION_MAJOR, XSIMD_VERSION_MINOR, XSIMD_VERSION_PATCH)},
          {"openmp", _OPENMP},
          {"cuda_runtime", detail::cuda::runtime_version()}};
}

std::string table(const ordered_json& object) {
  const ordered_json& cpu = object["cpu"];
  const auto text_of = [](const ordered_json& value) { return value.get<std::string>(); };
  const auto gigabytes = [](const ordered_json& bytes) { return fmt::format("{:.4g} GB", bytes.get<double>() / 1e9); };
  std::string text = fmt::format("cpu       {}, {} threads\n", text_of(cpu["name"]), cpu["threads"].get<int>());
  text += fmt::format("          {}: {} lanes of f64, {} of f32\n", text_of(cpu["simd"]["instruction_set"]),
                      cpu["simd"]["lanes_f64"].get<int>(), cpu["simd"]["lanes_f32"].get<int>());
  text += fmt::format("          copies {}/s (read and written)\n", gigabytes(cpu["copy_bytes_per_second"]));
  for (const ordered_json& device : object["cuda"]["devices"]) {
    text +=
        fmt::format("cuda:{}    {}, compute capability {}, {} of memory\n", device["device"].get<int>(),
                    text_of(device["name"]), text_of(device["compute_capability"]), gigabytes(device["memory_bytes"]));
    text += fmt::format("          copies {}/s (read and written)\n", gigabytes(device["copy_bytes_per_second"]));
  }
  if (!object["cuda"]["available"]) text += "cuda      not available: " + text_of(object["cuda"]["reason"]) + "\n";
  const ordered_json& formulas = object["formulas"];
  const std::string why_interpreted = text_of(formulas["cpu"]["reason"]),
                    why_none = text_of(formulas["cuda"]["reason"]);
  text += fmt::format("formulas  on the CPU by {}", text_of(formulas["cpu"]["engine"]));
  text += why_interpreted.empty() ? "\n" : fmt::format("; {}\n", why_interpreted);
  if (object["cuda"]["available"]) {
    text += why_none.empty() ? fmt::format("          on CUDA by {}\n", text_of(formulas["cuda"]["engine"]))
                             : fmt::format("          not on CUDA: {}\n", why_none);
  }
  const ordered_json& versions = object["versions"];
  text += fmt::format("versions  nabla {}, {}, xsimd {}, OpenMP {}, CUDA runtime {}\n", text_of(versions["nabla"]),
                      text_of(versions["compiler"]), text_of(versions["xsimd"]), versions["openmp"].get<int>(),
                      text_of(versions["cuda_runtime"]));
  return text + fmt::format("auto      runs on {}\n", text_of(object["executor"]["name"]));
}

}  // namespace

int info(std::span<const char* const> arguments) {
  const Stopwatch watch;
  CommonOptions common;
  Arguments parser("info", "Tells what this machine and this build of nabla have.", example);
  common.declare(parser);
  if (parser.wants_help(arguments)) return print(parser.help()), good;
  parser.parse(arguments);
  const Executor executor = common.executor();
  const Precision precision = common.precision().value_or(Precision::f64);

  const Executor cpu = executor.is_cuda() ? Executor::cpu(common.threads()) : executor;
  const std::string why_no_cuda = Executor::why_no_cuda();
  ordered_json devices = ordered_json::array();
  for (int device = 0; why_no_cuda.empty() && device < detail::cuda::device_count(); ++device) {
    devices.push_back(describe_device(device));
  }
  ordered_json found{{"cpu", describe_cpu(cpu)},
                     {"cuda", {{"available", why_no_cuda.empty()}, {"reason", why_no_cuda}, {"devices", devices}}},
                     {"formulas", describe_formulas()},
                     {"versions", describe_versions()}};
  ordered_json object = json_object("info", executor, precision, watch.seconds());
  object.update(found);
  if (common.json) {
    print(object);
  } else if (!common.quiet) {
    print(table(object));
  }
  return good;
}

}  // namespace nabla::cli
