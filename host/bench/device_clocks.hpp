#pragma once

#include <optional>
#include <string>

// What a GPU does at the moment, from NVIDIA's management library where that is there: it comes with the driver, and is
// loaded when it is asked.

namespace nabla::bench {

struct DeviceClocks {
  unsigned multiprocessor_mhz = 0, memory_mhz = 0;  ///< now; at rest less than at work
  std::string driver;                               ///< "550.54.15"
};

/// Of the device at that place on the bus ("0000:01:00.0"). Nothing if the library is not there, or does not tell.
std::optional<DeviceClocks> device_clocks(const std::string& bus_id, const char* library = "libnvidia-ml.so.1");

}  // namespace nabla::bench
