# ridge_interface(<target> <header>): adds the function that says the number of an interface to a target: the first 28 bits of the SHA-256 of
# its header without comments and blanks. scripts/kernel-bindings.ts writes the same number for whoever opens the library, so a changed
# header changes both, and nobody counts.
function(ridge_interface target header)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  file(READ ${header} text)
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "[ \t\r\n]+" "" text "${text}")
  string(SHA256 digest "${text}")
  string(SUBSTRING ${digest} 0 7 number)
  get_filename_component(part ${header} NAME_WE)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/interfaces/${part}.cpp)
  configure_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/interface.cpp.in ${source} @ONLY)
  target_sources(${target} PRIVATE ${source})
endfunction()
