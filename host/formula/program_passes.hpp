#pragma once

#include "program.hpp"

// What is done to a program once its instructions are there.

namespace nabla::formula {

/// Fuses a * b + c where the product is used for nothing else, and lets results that are only copied to a row go there
/// at once.
void store_rows_at_once(Program& program);

/// Gives slots that are never alive together the same place. A slot from outside a loop that is used inside lives to
/// the loop's end.
void assign_slots(Program& program);

}  // namespace nabla::formula
