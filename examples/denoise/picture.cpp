#include "picture.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <stdexcept>

Picture drawing(std::int64_t size) {
  Picture picture(size, size);
  for (std::int64_t j = 0; j < size; ++j) {
    for (std::int64_t i = 0; i < size; ++i) {
      const double x = (static_cast<double>(i) + 0.5) / static_cast<double>(size),
                   y = (static_cast<double>(j) + 0.5) / static_cast<double>(size);
      double grey = 0.25 + 0.3 * x;
      if (std::hypot(x - 0.35, y - 0.4) < 0.25) grey = 0.85;
      if (std::hypot(x - 0.45, y - 0.35) < 0.1) grey = 0.15;
      if (y > 0.75 && y < 0.92 && x > 0.08 && x < 0.92) grey = std::fmod(x * x * 30, 1.0) < 0.5 ? 0.1 : 0.9;
      if (x > 0.7 && x < 0.9 && y > 0.15 && y < 0.6 - (x - 0.7)) grey = 1 - y;
      picture.at(i, j) = grey;
    }
  }
  return picture;
}

Picture with_noise(const Picture& picture, double deviation) {
  Picture noisy = picture;
  std::mt19937_64 generator(1);
  std::normal_distribution<double> normal(0, deviation);
  for (double& pixel : noisy.pixels) pixel += normal(generator);
  return noisy;
}

double difference(const Picture& a, const Picture& b) {
  double squares = 0;
  for (std::size_t k = 0; k < a.pixels.size(); ++k)
    squares += (a.pixels[k] - b.pixels[k]) * (a.pixels[k] - b.pixels[k]);
  return std::sqrt(squares / static_cast<double>(a.pixels.size()));
}

Picture read_pgm(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) throw std::runtime_error("can't open " + name);
  const auto word = [&] {
    std::string found;
    while (file >> found && found.front() == '#') std::getline(file, found);
    return found;
  };
  const auto number = [&] {
    const std::string digits = word();
    const bool good = !digits.empty() && digits.size() < 7 &&
                      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    return good ? std::stoll(digits) : -1;
  };
  if (word() != "P5") throw std::runtime_error(name + " is no binary portable greymap (P5)");
  const std::int64_t width = number(), height = number(), white = number();
  if (width < 2 || height < 2 || width > 100'000 || height > 100'000 || white < 1 || white > 255) {
    throw std::runtime_error(name + ": expected 2 to 100000 columns and rows and greys up to 255");
  }
  file.get();  // the one character before the pixels
  std::vector<unsigned char> bytes(static_cast<std::size_t>(width * height));
  file.read(reinterpret_cast<char*>(bytes.data()), width * height);
  if (file.gcount() != width * height) {
    throw std::runtime_error(name + " ends after " + std::to_string(file.gcount()) + " of " +
                             std::to_string(width * height) + " pixels");
  }
  Picture picture(width, height);
  for (std::size_t k = 0; k < bytes.size(); ++k) picture.pixels[k] = bytes[k] / static_cast<double>(white);
  return picture;
}

void write_pgm(const std::string& name, const Picture& picture) {
  std::ofstream file(name, std::ios::binary);
  file << "P5\n" << picture.width << ' ' << picture.height << "\n255\n";
  for (const double grey : picture.pixels) {
    file.put(static_cast<char>(static_cast<unsigned char>(std::lround(255 * std::clamp(grey, 0.0, 1.0)))));
  }
  if (!file.flush()) throw std::runtime_error("can't write " + name);
}
