// Ceres' Jets, which its solver differentiates by, for scripts/compare_peers.

#include "dual_peer.hpp"

#include <ceres/jet.h>
#include <ceres/version.h>

namespace {

struct Kit {
  template <int n>
  using Scalar = ceres::Jet<double, n>;
  template <int n>
  static Scalar<n> variable(double value, int i) {
    return Scalar<n>(value, i);
  }
  template <class S>
  static double value(const S& y) {
    return y.a;
  }
  template <class S>
  static double derivative(const S& y, int i) {
    return y.v[i];
  }
};

}  // namespace

int main() { return peers::Worker(peers::dual_variants<Kit>).serve("Ceres " CERES_VERSION_STRING " Jet"); }
