#pragma once

#include <fstream>
#include <limits>
#include <string>

namespace nabla {

/// Bytes of memory that Linux can still give; infinite where it does not say. It promises more than there is and ends
/// processes that use it, so what is clearly too much is to be refused before.
inline double available_memory() {
  std::ifstream info("/proc/meminfo");
  double available = 0;
  std::string key, unit;
  for (double kilobytes = 0; info >> key >> kilobytes && std::getline(info, unit);) {
    if (key == "MemAvailable:" || key == "SwapFree:") available += 1024 * kilobytes;
  }
  return available > 0 ? available : std::numeric_limits<double>::infinity();
}

}  // namespace nabla
