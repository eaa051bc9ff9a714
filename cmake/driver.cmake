# The two programs: dnetc (the compiler) and dnet (the evaluator).
add_library(dn_driver STATIC driver/options.c driver/execute.c driver/batches.c driver/gpu.c driver/lower.c driver/fit.c driver/build.c driver/report.c driver/link.c
            driver/link_library.c driver/build_cuda.c driver/toolchain.c driver/exports.c driver/c_library.c)
file(GLOB prompt_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/driver/prompt/*.c)
target_sources(dn_driver PRIVATE driver/nan.c ${prompt_files})
target_link_libraries(dn_driver PUBLIC dn_frontend dn_codegen PkgConfig::LIBEDIT)
add_executable(dnetc driver/dnetc.c)
target_link_libraries(dnetc PRIVATE dn_driver)
add_executable(dnet driver/dnet.c)
target_link_libraries(dnet PRIVATE dn_driver)
if(NOT DNET_SANITIZE)
  # They start in 5 ms instead of 17.
  set_target_properties(dnetc dnet PROPERTIES LLVM_STATIC ON)
endif()
