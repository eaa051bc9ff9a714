# LLVM 19 by its C API. Debian's package keeps several versions side by side; llvm-config-19 knows
# where this one is.
#
# A program with the property LLVM_STATIC takes the parts of LLVM that it needs into itself: the
# shared library has all targets and costs 15 ms at every start. That is what is released. Tests
# and programs with sanitizers use the shared one: they link at once.
find_program(LLVM_CONFIG NAMES llvm-config-19 HINTS /usr/lib/llvm-19/bin REQUIRED)
function(ask_llvm variable)
  execute_process(COMMAND ${LLVM_CONFIG} ${ARGN} OUTPUT_VARIABLE answer
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(answer)
  set(${variable} ${answer} PARENT_SCOPE)
endfunction()
ask_llvm(llvm_include --includedir)
ask_llvm(llvm_lib --libdir)
ask_llvm(llvm_archives --link-static --libfiles x86codegen x86asmparser nvptxcodegen passes orcjit orcdebugging)
find_library(LLVM_LIBRARY NAMES LLVM-19 HINTS ${llvm_lib} REQUIRED)
find_library(ZSTD_LIBRARY NAMES zstd libzstd.so.1 REQUIRED)

add_library(dnet_llvm_shared INTERFACE)
target_link_libraries(dnet_llvm_shared INTERFACE ${LLVM_LIBRARY})
target_link_options(dnet_llvm_shared INTERFACE LINKER:--as-needed)

# -static-libgcc and libstdc++.a: another 1.5 ms of the start. gdb learns of code in memory by a
# function that LLVM looks up by its name.
set(gdb_hook llvm_orc_registerJITLoaderGDBWrapper)
add_library(dnet_llvm_static INTERFACE)
target_link_libraries(dnet_llvm_static INTERFACE
                      ${llvm_archives} -l:libstdc++.a ZLIB::ZLIB ${ZSTD_LIBRARY} Threads::Threads
                      ${CMAKE_DL_LIBS} m)
target_link_options(dnet_llvm_static INTERFACE -static-libgcc
                    LINKER:--as-needed,--gc-sections,-u,${gdb_hook}
                    LINKER:--export-dynamic-symbol=${gdb_hook})
find_program(LLD ld.lld)
if(LLD)  # a quarter of the time of GNU ld
  target_link_options(dnet_llvm_static INTERFACE -fuse-ld=lld)
endif()

add_library(dnet_llvm INTERFACE)
target_include_directories(dnet_llvm SYSTEM INTERFACE ${llvm_include})
target_link_libraries(dnet_llvm INTERFACE
  $<IF:$<BOOL:$<TARGET_PROPERTY:LLVM_STATIC>>,dnet_llvm_static,dnet_llvm_shared>)
add_library(dnet::llvm ALIAS dnet_llvm)
