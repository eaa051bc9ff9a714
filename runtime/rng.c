#include "runtime/rng.h"
