#pragma once

#include <nabla/functions/bowls.hpp>
#include <nabla/functions/many_minima.hpp>
#include <nabla/functions/models.hpp>
#include <nabla/functions/saddles.hpp>
#include <nabla/functions/two_variables.hpp>
#include <nabla/functions/valleys.hpp>

#include <tuple>

// Named test functions of the optimisation literature, as ordinary functors: nabla::value_and_gradient(where,
// functions::Rosenbrock{}, points). functions/info.hpp tells what else each of them says about itself.

namespace nabla::functions {

using All = std::tuple<Sphere, WeightedSquares, Trid, Zakharov,                                                 //
                       Rosenbrock, DixonPrice, Powell,                                                          //
                       Rastrigin, Ackley, Griewank, Levy, Schwefel, StyblinskiTang, Michalewicz,                //
                       Himmelblau, Beale, Booth, Matyas, GoldsteinPrice, Branin, ThreeHumpCamel, SixHumpCamel,  //
                       WaveSaddle, Saddle, MonkeySaddle,                                                        //
                       LennardJones, Neuron>;

/// Calls visit(f) with one of each function, parameters at their defaults, in the order of All.
template <class Visit>
constexpr void for_each(Visit visit) {
  std::apply([&visit](const auto&... f) { (visit(f), ...); }, All{});
}

}  // namespace nabla::functions
