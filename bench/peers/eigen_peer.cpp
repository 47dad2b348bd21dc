// Eigen's AutoDiffScalar with derivatives of a fixed size, for scripts/compare_peers.

#include "dual_peer.hpp"

#include <Eigen/Core>
#include <unsupported/Eigen/AutoDiff>

namespace {

struct Kit {
  template <int n>
  using Scalar = Eigen::AutoDiffScalar<Eigen::Matrix<double, n, 1>>;
  template <int n>
  static Scalar<n> variable(double value, int i) {
    return Scalar<n>(value, n, i);
  }
  template <class S>
  static double value(const S& y) {
    return y.value();
  }
  template <class S>
  static double derivative(const S& y, int i) {
    return y.derivatives()[i];
  }
};

}  // namespace

int main() {
  return peers::Worker(peers::dual_variants<Kit>)
      .serve("Eigen " + std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
             std::to_string(EIGEN_MINOR_VERSION) + " AutoDiffScalar");
}
