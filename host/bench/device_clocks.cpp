#include "device_clocks.hpp"

#include "../formula/shared_library.hpp"

#include <array>
#include <type_traits>

namespace nabla::bench {

namespace {

// As nvml.h declares it: a C interface, of which these are as old as its second version.
using Status = int;    // 0: good
using Device = void*;  // a handle
struct Nvml {
  Status (*init)();
  Status (*shutdown)();
  Status (*driver_version)(char* text, unsigned length);
  Status (*device_at)(const char* bus_id, Device* device);
  Status (*clock)(Device device, int which, unsigned* megahertz);
};
constexpr int of_multiprocessors = 1, of_memory = 2;

std::optional<DeviceClocks> ask(const Nvml& nvml, const std::string& bus_id) {
  DeviceClocks found;
  Device device = nullptr;
  std::array<char, 96> driver{};
  const bool good = nvml.device_at(bus_id.c_str(), &device) == 0 &&
                    nvml.clock(device, of_multiprocessors, &found.multiprocessor_mhz) == 0 &&
                    nvml.clock(device, of_memory, &found.memory_mhz) == 0 &&
                    nvml.driver_version(driver.data(), static_cast<unsigned>(driver.size())) == 0;
  if (!good) return {};
  found.driver = driver.data();
  return found;
}

}  // namespace

std::optional<DeviceClocks> device_clocks(const std::string& bus_id, const char* library) {
  const formula::SharedLibrary loaded({library});
  if (loaded.handle == nullptr) return {};
  Nvml nvml{};
  bool all = true;
  const auto take = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(loaded.symbol(name));
    all = all && function != nullptr;
  };
  take(nvml.init, "nvmlInit_v2");
  take(nvml.shutdown, "nvmlShutdown");
  take(nvml.driver_version, "nvmlSystemGetDriverVersion");
  take(nvml.device_at, "nvmlDeviceGetHandleByPciBusId_v2");
  take(nvml.clock, "nvmlDeviceGetClockInfo");
  if (!all || nvml.init() != 0) return {};
  std::optional<DeviceClocks> found = ask(nvml, bus_id);
  nvml.shutdown();
  return found;
}

}  // namespace nabla::bench
