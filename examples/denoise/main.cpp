// Takes the noise out of a picture and leaves the edges: of all pictures u, the one with the least
//     sum over pixels of  strength sqrt(|step to the right|^2 + |step down|^2 + softness^2) + (u - noisy)^2 / 2,
// which is total-variation denoising (Rudin, Osher and Fatemi 1992) with a smooth tip. Each pixel is a variable. The
// energy is stated for one pixel and its two neighbours; nabla differentiates it and minimises the sum.
//     denoise [--size N | --in picture.pgm] [--out PREFIX]
// writes PREFIX-noisy.pgm and PREFIX-clean.pgm. Without --in it draws a picture and adds noise, and then knows how much
// of that it took out.

#include "picture.hpp"

#include <nabla/element_sum.hpp>
#include <nabla/minimize.hpp>

#include <cmath>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

namespace {

constexpr double noise = 0.1, strength = 0.1, softness = 1e-3;

/// Of a pixel, the one to its right and the one below it.
struct Variation {
  static constexpr int variables = 3;
  template <class X>
  constexpr auto operator()(const X& u) const {
    using nabla::sqrt;
    const auto right = u[1] - u[0], down = u[2] - u[0];
    return strength * sqrt(right * right + down * down + softness * softness);
  }
};

/// Of a pixel on the right or lower edge and its one neighbour further on.
struct EdgeVariation {
  static constexpr int variables = 2;
  template <class X>
  constexpr auto operator()(const X& u) const {
    using nabla::sqrt;
    const auto step = u[1] - u[0];
    return strength * sqrt(step * step + softness * softness);
  }
};

/// Of a pixel, from what was seen there.
struct Distance {
  static constexpr int variables = 1, data = 1;
  template <class X, class D>
  constexpr auto operator()(const X& u, const D& seen) const {
    return 0.5 * (u[0] - seen[0]) * (u[0] - seen[0]);
  }
};

/// How far u is from the one minimiser at most, root mean square: no derivative of nabla's has a part in it.
///
/// strength sqrt(|z|^2 + softness^2) is the largest <p, z> + softness sqrt(strength^2 - |p|^2) over |p| <= strength. So
/// for any such field p the energy of every picture is at least
///     <p, steps of noisy> - |p's divergence|^2 / 2 + softness sum sqrt(strength^2 - |p|^2),
/// and as the energy is curved by 1, half the squared distance is at most u's energy less that. The p taken here would
/// be the best one if u were.
double largest_distance(const Picture& u, const Picture& noisy) {
  double energy = 0, bound = 0;
  Picture divergence(u.width, u.height);
  for (std::int64_t j = 0; j < u.height; ++j) {
    for (std::int64_t i = 0; i < u.width; ++i) {
      const bool has_right = i + 1 < u.width, has_down = j + 1 < u.height;
      const double apart = u.at(i, j) - noisy.at(i, j);
      energy += 0.5 * apart * apart;
      if (!has_right && !has_down) continue;
      const double right = has_right ? u.at(i + 1, j) - u.at(i, j) : 0,
                   down = has_down ? u.at(i, j + 1) - u.at(i, j) : 0;
      const double length = std::sqrt(right * right + down * down + softness * softness);
      const double p = strength * right / length, q = strength * down / length;
      energy += strength * length;
      bound += softness * std::sqrt(strength * strength - p * p - q * q);
      if (has_right) divergence.at(i + 1, j) += p;
      if (has_down) divergence.at(i, j + 1) += q;
      divergence.at(i, j) -= p + q;
    }
  }
  for (std::size_t k = 0; k < u.pixels.size(); ++k) {
    bound += divergence.pixels[k] * noisy.pixels[k] - 0.5 * divergence.pixels[k] * divergence.pixels[k];
  }
  return std::sqrt(2 * std::fmax(energy - bound, 0) / static_cast<double>(u.pixels.size()));
}

struct Options {
  std::int64_t size = 512;
  std::string in, out;
};

[[noreturn]] void refuse(const std::string& what) {
  std::cerr << "denoise: " << what << '\n';
  std::exit(2);
}

Options options_from(int count, char** arguments) {
  Options options;
  for (int k = 1; k < count; k += 2) {
    const std::string name = arguments[k];
    if (k + 1 == count) refuse(name + " needs a value");
    const std::string value = arguments[k + 1];
    if (name == "--size") {
      options.size = std::atoll(value.c_str());
      if (options.size < 16 || options.size > 20'000) refuse("--size must be from 16 to 20000, found " + value);
    } else if (name == "--in") {
      options.in = value;
    } else if (name == "--out") {
      options.out = value;
    } else {
      refuse("unknown option " + name + "; there are --size, --in and --out");
    }
  }
  return options;
}

int run(const Options& options) {
  const Picture drawn = options.in.empty() ? drawing(options.size) : Picture();
  const Picture noisy = options.in.empty() ? with_noise(drawn, noise) : read_pgm(options.in);
  const std::int64_t width = noisy.width, height = noisy.height, n = width * height;
  const auto where = nabla::Executor::automatic();
  nabla::Array<double> u(where, n), seen(where, n);
  u.upload(noisy.pixels);
  seen.upload(noisy.pixels);

  using nabla::Affine;
  const auto energy =
      nabla::element_sum<double>(where, Variation(), n,
                                 Affine{{width - 1, height - 1, 1}, {1, width, 0}, {0, 1, width}}) +
      nabla::element_sum<double>(where, EdgeVariation(), n,
                                 Affine::chain(height - 1, {width - 1, 2 * width - 1}, width)) +
      nabla::element_sum<double>(where, EdgeVariation(), n, Affine::chain(width - 1, {n - width, n - width + 1})) +
      nabla::element_sum<double>(where, Distance(), n, Affine::chain(n, {0}), {seen.data(), n});
  const auto report =
      nabla::minimize(where, energy, u, {.relative_gradient_tolerance = 1e-5, .max_iterations = 20'000});

  Picture clean(width, height);
  clean.pixels = u.to_host();
  const double distance = largest_distance(clean, noisy);
  std::cout << "on " << where.name() << ": " << width << " x " << height << " pixels, " << describe(report) << '\n'
            << "from the best picture at most " << distance << " of white, root mean square\n";
  if (options.in.empty()) {
    std::cout << "from the drawing: " << difference(noisy, drawn) << " with the noise, " << difference(clean, drawn)
              << " without\n";
  }
  if (!options.out.empty()) {
    write_pgm(options.out + "-noisy.pgm", noisy);
    write_pgm(options.out + "-clean.pgm", clean);
  }
  return report.converged() && distance < 1e-3 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(options_from(count, arguments));
  } catch (const std::exception& error) {
    std::cerr << "denoise: " << error.what() << '\n';
    return 1;
  }
}
