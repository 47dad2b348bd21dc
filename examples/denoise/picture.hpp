#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Pixels row by row, from 0, black, to 1, white.
struct Picture {
  std::int64_t width = 0, height = 0;
  std::vector<double> pixels;

  Picture() = default;
  Picture(std::int64_t w, std::int64_t h) : width(w), height(h), pixels(static_cast<std::size_t>(w * h), 0) {}

  double& at(std::int64_t i, std::int64_t j) { return pixels[static_cast<std::size_t>(j * width + i)]; }
  double at(std::int64_t i, std::int64_t j) const { return pixels[static_cast<std::size_t>(j * width + i)]; }
};

/// Discs, stripes and a slope of grey.
Picture drawing(std::int64_t size);
/// With normally distributed noise of this standard deviation, the same in each run.
Picture with_noise(const Picture& picture, double deviation);
/// Root mean square.
double difference(const Picture& a, const Picture& b);

/// Binary portable greymaps of 8 bits, at least 2 x 2. Throws std::runtime_error, naming the file.
Picture read_pgm(const std::string& name);
void write_pgm(const std::string& name, const Picture& picture);
