#include "nvrtc.hpp"

#include "../../cuda_seam.hpp"
#include "../shared_library.hpp"
#include "device_headers.hpp"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <type_traits>
#include <vector>

namespace nabla::formula::cuda {

namespace {

// As nvrtc.h declares it: a C interface that has been the same since CUDA 11.
struct NvrtcProgram;
using Status = int;  // 0: good
struct Nvrtc {
  Status (*version)(int* major, int* minor);
  Status (*supported_count)(int* count);
  Status (*supported)(int* architectures);
  Status (*create)(NvrtcProgram** program, const char* source, const char* name, int headers, const char* const* texts,
                   const char* const* names);
  Status (*destroy)(NvrtcProgram** program);
  Status (*add_name)(NvrtcProgram* program, const char* expression);
  Status (*compile)(NvrtcProgram* program, int options, const char* const* texts);
  Status (*lowered_name)(NvrtcProgram* program, const char* expression, const char** name);
  Status (*ptx_size)(NvrtcProgram* program, std::size_t* bytes);
  Status (*ptx)(NvrtcProgram* program, char* text);
  Status (*log_size)(NvrtcProgram* program, std::size_t* bytes);
  Status (*log)(NvrtcProgram* program, char* text);
  const char* (*error_text)(Status status);
};

/// Options of the compiler that give nvcc's code: its language, its contraction (the default), and functions without
/// __device__ for the device, as --expt-relaxed-constexpr does. Nobody reads warnings.
constexpr const char* options[] = {"-std=c++20", "--device-as-default-execution-space", "-w"};

/// What the device headers include of the standard library is one file of our own.
constexpr const char* standard_headers[] = {"array",  "cmath",   "concepts",   "cstdint",
                                            "limits", "utility", "type_traits"};
constexpr const char standard_header[] = "#include <nabla/kernels/rtc.hpp>\n";

/// NVRTC of the CUDA that this was built with, or of another one.
SharedLibrary open_nvrtc() {
  const std::string runtime = detail::cuda::runtime_version();
  const std::string name = "libnvrtc.so." + runtime.substr(0, runtime.find('.'));
  return SharedLibrary(
      {name.c_str(), "libnvrtc.so", ("/usr/local/cuda/lib64/" + name).c_str(), "/usr/local/cuda/lib64/libnvrtc.so"});
}

Nvrtc load() {
  const SharedLibrary library = open_nvrtc();
  if (library.handle == nullptr) {
    throw ExecutorUnavailable(
        "formulas on CUDA devices need NVRTC (libnvrtc.so), which was not found; install NVIDIA's package cuda-nvrtc "
        "or "
        "the CUDA Toolkit, and put it where the dynamic linker looks");
  }
  Nvrtc found{};
  const auto take = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(library.symbol(name));
    if (function == nullptr) {
      throw ExecutorUnavailable(std::string("formulas on CUDA devices need a newer NVRTC (libnvrtc.so): ") + name +
                                " is missing");
    }
  };
  take(found.version, "nvrtcVersion");
  take(found.supported_count, "nvrtcGetNumSupportedArchs");
  take(found.supported, "nvrtcGetSupportedArchs");
  take(found.create, "nvrtcCreateProgram");
  take(found.destroy, "nvrtcDestroyProgram");
  take(found.add_name, "nvrtcAddNameExpression");
  take(found.compile, "nvrtcCompileProgram");
  take(found.lowered_name, "nvrtcGetLoweredName");
  take(found.ptx_size, "nvrtcGetPTXSize");
  take(found.ptx, "nvrtcGetPTX");
  take(found.log_size, "nvrtcGetProgramLogSize");
  take(found.log, "nvrtcGetProgramLog");
  take(found.error_text, "nvrtcGetErrorString");
  return found;
}

/// Tries again after a failure: what was missing may have been installed.
const Nvrtc& nvrtc() {
  static const Nvrtc loaded = load();
  return loaded;
}

void check(Status status, const char* call) {
  if (status != 0) throw CudaError(std::string(call) + ": " + nvrtc().error_text(status));
}

/// A text that NVRTC hands out in two calls, without the null at its end.
std::string text_of(NvrtcProgram* program, Status (*size)(NvrtcProgram*, std::size_t*),
                    Status (*get)(NvrtcProgram*, char*)) {
  std::size_t bytes = 0;
  check(size(program, &bytes), "NVRTC");
  std::string text(std::max<std::size_t>(bytes, 1), '\0');
  check(get(program, text.data()), "NVRTC");
  text.pop_back();
  return text;
}

/// The first line of a compiler's log that says so, or all of the log.
std::string first_error(const std::string& log) {
  const std::size_t error = log.find("error");
  if (error == std::string::npos) return log;
  const std::size_t before = log.rfind('\n', error);
  const std::size_t start = before == std::string::npos ? 0 : before + 1;
  return log.substr(start, log.find('\n', error) - start);
}

struct ProgramOwner {
  NvrtcProgram* program = nullptr;
  ProgramOwner() = default;
  ProgramOwner(const ProgramOwner&) = delete;
  ProgramOwner& operator=(const ProgramOwner&) = delete;
  ~ProgramOwner() { nvrtc().destroy(&program); }
};

std::atomic<std::int64_t> compiled = 0;

}  // namespace

std::int64_t compilations() { return compiled; }

std::string why_no_nvrtc() {
  try {
    nvrtc();
    return "";
  } catch (const ExecutorUnavailable& error) {
    return error.what();
  }
}

std::string nvrtc_version() {
  int major = 0, minor = 0;
  check(nvrtc().version(&major, &minor), "nvrtcVersion");
  return std::to_string(major) + "." + std::to_string(minor);
}

std::string nvrtc_identity() {
  std::string text = nvrtc_version();
  Dl_info library{};
  struct stat file {};
  if (dladdr(reinterpret_cast<const void*>(nvrtc().version), &library) != 0 && stat(library.dli_fname, &file) == 0) {
    text += " of " + std::to_string(file.st_size) + " bytes, " + std::to_string(file.st_mtim.tv_sec) + "." +
            std::to_string(file.st_mtim.tv_nsec);
  }
  return text;
}

std::string target_of(int compute_capability) {
  int count = 0;
  check(nvrtc().supported_count(&count), "nvrtcGetNumSupportedArchs");
  std::vector<int> known(static_cast<std::size_t>(count));
  check(nvrtc().supported(known.data()), "nvrtcGetSupportedArchs");
  int best = -1;
  for (const int one : known) {
    if (one <= compute_capability) best = std::max(best, one);
  }
  if (best < 0) {
    throw ExecutorUnavailable("formulas on CUDA devices: NVRTC " + nvrtc_version() +
                              " is too new for a device of compute capability " +
                              std::to_string(compute_capability / 10) + "." + std::to_string(compute_capability % 10));
  }
  return "compute_" + std::to_string(best);
}

std::string compiler_options() {
  std::string text;
  for (const char* const option : options) text += std::string(option) + " ";
  return text;
}

CompiledKernel compile(const std::string& source, const std::string& kernel, const std::string& target) {
  std::vector<const char*> names, texts;
  for (const auto& [name, text] : device_headers()) {
    names.push_back(name);
    texts.push_back(text);
  }
  for (const char* const name : standard_headers) {
    names.push_back(name);
    texts.push_back(standard_header);
  }
  ProgramOwner owner;
  check(nvrtc().create(&owner.program, source.c_str(), "formula.cu", static_cast<int>(names.size()), texts.data(),
                       names.data()),
        "nvrtcCreateProgram");
  check(nvrtc().add_name(owner.program, kernel.c_str()), "nvrtcAddNameExpression");
  const std::string architecture = "--gpu-architecture=" + target;
  std::vector<const char*> all(std::begin(options), std::end(options));
  all.push_back(architecture.c_str());
  if (const Status status = nvrtc().compile(owner.program, static_cast<int>(all.size()), all.data()); status != 0) {
    const std::string log = text_of(owner.program, nvrtc().log_size, nvrtc().log);
    throw CudaError(std::string("NVRTC could not compile a formula's kernel: ") + nvrtc().error_text(status) + ": " +
                    first_error(log));
  }
  ++compiled;
  const char* name = nullptr;
  check(nvrtc().lowered_name(owner.program, kernel.c_str(), &name), "nvrtcGetLoweredName");
  return {name, text_of(owner.program, nvrtc().ptx_size, nvrtc().ptx)};
}

}  // namespace nabla::formula::cuda
