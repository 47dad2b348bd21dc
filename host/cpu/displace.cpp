#include "displace.hpp"

#include "../cuda_seam.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace nabla::detail {

namespace cpu {

namespace {

constexpr std::int64_t group = Direction::group;

std::int64_t part_of(std::int64_t element) { return element / weighed_at_once; }
std::int64_t parts_of(const Subset& subset) {
  return subset.size() > 0 ? part_of(subset.last - 1) - part_of(subset.first) + 1 : 0;
}

/// Calls use(part, first, last) for the parts of a subset between multiples of weighed_at_once, on several threads.
template <class Use>
void in_parts(int threads, const Subset& subset, Use use) {
  const std::int64_t parts = parts_of(subset), begin = part_of(subset.first);
  const auto team = static_cast<int>(std::clamp<std::int64_t>(parts / 2, 1, threads));
#pragma omp parallel for num_threads(team) schedule(static)
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t at = (begin + part) * weighed_at_once;
    use(static_cast<std::size_t>(part), std::max(subset.first, at), std::min(subset.last, at + weighed_at_once));
  }
}

/// Calls whole(i, hash) for groups of components that share a hash, and single(i) for those that are left over.
template <class Whole, class Single>
void in_groups(const Direction& u, std::int64_t first, std::int64_t last, Whole whole, Single single) {
  std::int64_t i = first;
  while (i < last && i % group != 0) single(i++);
  for (; i + group <= last; i += group) whole(i, u.hash(i));
  while (i < last) single(i++);
}

/// Sums side by side, for vector registers.
struct GroupSums {
  std::array<double, group> sum{}, size{}, squares{};

  void add(std::size_t k, double term) {
    const double finite = finite_size(term);
    sum[k] += term;
    size[k] += finite;
    squares[k] += finite * finite;
  }
  Weighed all() const {
    Weighed total;
    for (std::size_t k = 0; k < group; ++k) total.merge({sum[k], size[k], squares[k]});
    return total;
  }
};

}  // namespace

template <class T>
void displace(int threads, const T* x, double t, const Direction& u, const Subset& subset, T* out) {
  const auto from = [x](std::int64_t i) { return x != nullptr ? x[i] : T(0); };
  in_parts(threads, subset, [&](std::size_t, std::int64_t first, std::int64_t last) {
    const auto single = [&](std::int64_t i) { out[i] = displaced(from(i), t, u(i)); };
    const auto whole = [&](std::int64_t i, std::uint64_t hash) {
      for (std::int64_t k = 0; k < group; ++k) out[i + k] = displaced(from(i + k), t, u.term(hash, k));
    };
    if (subset.indices != nullptr || !u.random) {
      for (std::int64_t j = first; j < last; ++j) single(subset.component(j));
    } else if (t == 0 && x != nullptr) {
      std::copy(x + first, x + last, out + first);
    } else {
      in_groups(u, first, last, whole, single);
    }
  });
}

template <class T>
Weighed weigh(int threads, const T* gradient, const Direction& u, const Subset& subset) {
  std::vector<Weighed> parts(static_cast<std::size_t>(parts_of(subset)));
  in_parts(threads, subset, [&](std::size_t part, std::int64_t first, std::int64_t last) {
    Weighed rest;
    GroupSums sums;
    const auto single = [&](std::int64_t i) { rest.add(static_cast<double>(gradient[i]) * u(i)); };
    const auto whole = [&](std::int64_t i, std::uint64_t hash) {
      for (std::int64_t k = 0; k < group; ++k) {
        sums.add(static_cast<std::size_t>(k), static_cast<double>(gradient[i + k]) * u.term(hash, k));
      }
    };
    if (subset.indices != nullptr || !u.random) {
      for (std::int64_t j = first; j < last; ++j) single(subset.component(j));
    } else {
      in_groups(u, first, last, whole, single);
    }
    rest.merge(sums.all());
    parts[part] = rest;
  });
  Weighed all;
  for (const Weighed& part : parts) all.merge(part);
  return all;
}

template <class T>
double largest(int threads, const T* a, const T* b, std::int64_t n) {
  const Subset whole{0, n};
  std::vector<double> parts(static_cast<std::size_t>(parts_of(whole)));
  in_parts(threads, whole, [&](std::size_t part, std::int64_t first, std::int64_t last) {
    double most = 0;
    for (std::int64_t i = first; i < last; ++i) {
      most = std::max(most, b != nullptr ? difference(a[i], b[i]) : finite_size(a[i]));
    }
    parts[part] = most;
  });
  return parts.empty() ? 0 : *std::ranges::max_element(parts);
}

}  // namespace cpu

namespace {

/// Partial results on the host: take(partials) writes them into the executor's memory, one for each weighed_at_once
/// elements.
template <class Part, class Take>
std::vector<Part> partials_of(const Executor& executor, std::int64_t elements, Take take) {
  std::vector<Part> parts(static_cast<std::size_t>((elements + weighed_at_once - 1) / weighed_at_once));
  if (parts.empty()) return parts;
  const std::size_t bytes = parts.size() * sizeof(Part);
  auto* const memory = static_cast<Part*>(workspace(executor, bytes));
  take(memory);
  copy_bytes(executor, parts.data(), memory, bytes);
  return parts;
}

}  // namespace

template <class T>
void displace(const Executor& executor, const T* x, double t, const Direction& u, const Subset& subset, T* out) {
  if (executor.is_cuda()) {
    cuda::displace(executor.state(), x, t, u, subset, out);
  } else {
    cpu::displace(executor.threads(), x, t, u, subset, out);
  }
}

template <class T>
Weighed weigh(const Executor& executor, const T* gradient, const Direction& u, const Subset& subset) {
  if (!executor.is_cuda()) return cpu::weigh(executor.threads(), gradient, u, subset);
  const auto parts = partials_of<Weighed>(executor, subset.size(), [&](Weighed* partials) {
    cuda::weigh(executor.state(), gradient, u, subset, partials);
  });
  Weighed all;
  for (const Weighed& part : parts) all.merge(part);
  return all;
}

template <class T>
double largest(const Executor& executor, const T* a, const T* b, std::int64_t n) {
  if (!executor.is_cuda()) return cpu::largest(executor.threads(), a, b, n);
  const auto parts =
      partials_of<double>(executor, n, [&](double* partials) { cuda::largest(executor.state(), a, b, n, partials); });
  return parts.empty() ? 0 : *std::ranges::max_element(parts);
}

template void displace(const Executor&, const float*, double, const Direction&, const Subset&, float*);
template void displace(const Executor&, const double*, double, const Direction&, const Subset&, double*);
template Weighed weigh(const Executor&, const float*, const Direction&, const Subset&);
template Weighed weigh(const Executor&, const double*, const Direction&, const Subset&);
template double largest(const Executor&, const float*, const float*, std::int64_t);
template double largest(const Executor&, const double*, const double*, std::int64_t);

}  // namespace nabla::detail
