#pragma once

// Everything: functions, formulas, batches, executors, the operations over them, checks of gradients, and minimising.

#include <nabla/batch.hpp>
#include <nabla/check.hpp>
#include <nabla/check_objective.hpp>
#include <nabla/error.hpp>
#include <nabla/evaluate.hpp>
#include <nabla/executor.hpp>
#include <nabla/formula.hpp>
#include <nabla/formula_objective.hpp>
#include <nabla/function.hpp>
#include <nabla/matrix_market.hpp>
#include <nabla/minimize.hpp>
#include <nabla/npy.hpp>
#include <nabla/objective.hpp>
#include <nabla/row_sum.hpp>
#include <nabla/summary.hpp>
#include <nabla/version.hpp>
