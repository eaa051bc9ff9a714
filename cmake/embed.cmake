# cmake -DOUT=stdlib.c -DFILES=a.dnet|b.dnet -P embed.cmake: texts as C arrays.
# Bytes, not string literals: those have a length limit and need escapes.
string(REPLACE "|" ";" files "${FILES}")
set(arrays "")
set(rows "")
set(count 0)
foreach(path ${files})
  get_filename_component(name ${path} NAME)
  file(READ ${path} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR length "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char file_${count}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${name}\", (const char *)file_${count}, ${length}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT} "// Made by cmake/embed.cmake.\n#include \"frontend/stdlib.h\"\n\n${arrays}
const dn_stdlib_file dn_stdlib_files[] = {\n${rows}    {0, 0, 0},\n};
const int dn_stdlib_count = ${count};\n")
