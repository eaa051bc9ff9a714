# The two programs: dnetc (the compiler) and dnet (the evaluator).
