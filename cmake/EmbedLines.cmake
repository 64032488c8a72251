# EmbedLines.cmake: writes the lines of FROM as a C table of strings into TO.
file(STRINGS ${FROM} lines)
set(text "/* Made from conformance.txt by cmake/EmbedLines.cmake. */\n#include \"conform/families.h\"\n\n")
string(APPEND text "const char *const conform_golden_lines[] = {\n")
foreach(line IN LISTS lines)
  string(APPEND text "    \"${line}\",\n")
endforeach()
string(APPEND text "    0,\n};\n")
file(WRITE ${TO} "${text}")
