# One library for every machine of an architecture: each file is compiled for one level of instructions, and the library
# chooses at run time (cpu/cpu.h, cpu/levels.h).
#
#   ONCE    for the architecture's baseline: interfaces, and what is not worth more
#   LEVELS  once for each of scalar, avx2 and avx512, on arm64 of scalar and neon, in a namespace of that name: plain C++ that
#           compilers vectorize, or code over lanes (ops/lanes)
#   AVX2, AVX512, AVX512VNNI, AVX512BF16, AMX, NEON, DOTPROD, I8MM
#           with the flags of that level: code with intrinsics. Skipped where compiler or architecture lacks the level.
#   AVXVNNI, VNNI512, BF16512, FP16512, AMXINT8, AMXBF16, FP16, DOT, MMLA, BF16
#           one instruction set by itself, with what it stands on: AVX2 for AVX-VNNI, AVX-512 for VNNI, BF16 and FP16 of 512 bits, the
#           baseline for AMX and on arm64. They are no levels, for a processor may have any of them without the others
#           (cpu/features.h says which): Cascade Lake has VNNI without what Ice Lake's level has, Alder Lake AVX-VNNI without AVX-512.
include(CheckCXXCompilerFlag)

set(RIDGE_OWN_LEVELS)
set(RIDGE_CLONE_LEVELS scalar)

# ridge_level(<name> <flags>): a level that contains the one before it, or a single instruction set.
macro(ridge_level name flags)
  string(TOUPPER ${name} upper)
  string(REPLACE " " ";" list "${flags}")
  check_cxx_compiler_flag("${flags}" RIDGE_COMPILES_${upper})
  if(RIDGE_COMPILES_${upper})
    list(APPEND RIDGE_OWN_LEVELS ${name})
    set(RIDGE_FLAGS_${name} ${list})
  endif()
endmacro()

if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set(avx2 "-mavx2 -mfma -mf16c -mbmi -mbmi2 -mlzcnt -mpopcnt -mmovbe")
    set(avx512 "${avx2} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl")
    set(vnni "${avx512} -mavx512vnni -mavx512vbmi -mavx512vbmi2 -mavx512bitalg -mavx512vpopcntdq")
    ridge_level(avx2 "${avx2}")
    ridge_level(avx512 "${avx512}")
    ridge_level(avx512vnni "${vnni}")
    ridge_level(avx512bf16 "${vnni} -mavx512bf16")
    ridge_level(amx "${vnni} -mavx512bf16 -mavx512fp16 -mamx-tile -mamx-int8 -mamx-bf16")
    # Single instruction sets last, so that of what several files define inline none of the levels gets theirs.
    ridge_level(avxvnni "${avx2} -mavxvnni")
    ridge_level(vnni512 "${avx512} -mavx512vnni")
    ridge_level(bf16512 "${avx512} -mavx512bf16")
    ridge_level(fp16512 "${avx512} -mavx512fp16")
    ridge_level(amxint8 "-mamx-tile -mamx-int8")
    ridge_level(amxbf16 "-mamx-tile -mamx-bf16")
    if(RIDGE_COMPILES_AVX512)
      list(APPEND RIDGE_CLONE_LEVELS avx2 avx512)
    endif()
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
    ridge_level(neon "-march=armv8-a")
    ridge_level(dotprod "-march=armv8.2-a+dotprod+fp16")
    ridge_level(i8mm "-march=armv8.2-a+dotprod+fp16+i8mm+bf16")
    ridge_level(fp16 "-march=armv8.2-a+fp16")
    ridge_level(dot "-march=armv8.2-a+dotprod")
    ridge_level(mmla "-march=armv8.2-a+i8mm")
    ridge_level(bf16 "-march=armv8.2-a+bf16")
    if(RIDGE_COMPILES_NEON)
      list(APPEND RIDGE_CLONE_LEVELS neon)
    endif()
  endif()
endif()

# Objects in order of their level: of what several of them define inline the linker keeps the first.
function(ridge_kernels folder)
  set(words ONCE LEVELS AVX2 AVX512 AVX512VNNI AVX512BF16 AMX NEON DOTPROD I8MM
      AVXVNNI VNNI512 BF16512 FP16512 AMXINT8 AMXBF16 FP16 DOT MMLA BF16)
  cmake_parse_arguments(PARSE_ARGV 1 FILES "" "" "${words}")
  if(FILES_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ridge_kernels(${folder}): ${FILES_UNPARSED_ARGUMENTS} is under none of ${words}")
  endif()
  ridge_objects(${folder} scalar once "${FILES_ONCE}")
  foreach(level ${RIDGE_CLONE_LEVELS})
    ridge_objects(${folder} ${level} clone "${FILES_LEVELS}")
  endforeach()
  foreach(level ${RIDGE_OWN_LEVELS})
    string(TOUPPER ${level} upper)
    ridge_objects(${folder} ${level} own "${FILES_${upper}}")
  endforeach()
endfunction()

# ridge_op(<folder>): op.cpp ONCE, kernel.cpp for all LEVELS, cpu_<level>.cpp for that level, where they are there.
function(ridge_op folder)
  set(files ONCE op.cpp)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/kernel.cpp)
    list(APPEND files LEVELS kernel.cpp)
  endif()
  foreach(level avx2 avxvnni avx512 avx512vnni avx512bf16 amx neon dotprod i8mm)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/cpu_${level}.cpp)
      string(TOUPPER ${level} upper)
      list(APPEND files ${upper} cpu_${level}.cpp)
    endif()
  endforeach()
  ridge_kernels(${folder} ${files})
endfunction()

function(ridge_objects folder level kind files)
  if(NOT files)
    return()
  endif()
  list(TRANSFORM files PREPEND ${folder}/)
  string(REPLACE "/" "-" target ridge-${folder}-${kind}-${level})
  add_library(${target} OBJECT ${files})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE Threads::Threads)
  string(TOUPPER ${level} at)
  target_compile_definitions(${target} PRIVATE RIDGE_LEVEL=${level} RIDGE_AT_${at})
  foreach(compiled ${RIDGE_OWN_LEVELS})
    string(TOUPPER ${compiled} upper)
    target_compile_definitions(${target} PRIVATE RIDGE_HAS_${upper})
  endforeach()
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    # No fused multiply-add by itself and no reassociation: masks must equal the reference's to the bit.
    target_compile_options(${target} PRIVATE -Wall -Wextra -Werror -O3 -ffp-contract=off ${RIDGE_FLAGS_${level}})
  endif()
  set_property(GLOBAL APPEND PROPERTY RIDGE_OBJECTS_${level} $<TARGET_OBJECTS:${target}>)
  set_property(GLOBAL APPEND PROPERTY RIDGE_OBJECTS_${level}_${folder} $<TARGET_OBJECTS:${target}>)
endfunction()

# Whether the C++ runtime can be inside: not every system has it as an archive.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LINK_OPTIONS -static-libstdc++ -static-libgcc)
check_cxx_source_compiles("#include <string>\nint main(int n, char**) { return std::string(n, 'x').size(); }" RIDGE_STATIC_RUNTIME)
unset(CMAKE_REQUIRED_LINK_OPTIONS)

# ridge_library(<name> [folder…]): all of it, or these folders alone, as one shared library, which other machines can open, too: with the
# C++ runtime inside it needs no more than the C library. A library of some folders is made where it is asked for.
function(ridge_library name)
  set(objects)
  foreach(level scalar ${RIDGE_OWN_LEVELS})
    if(NOT ARGN)
      get_property(own GLOBAL PROPERTY RIDGE_OBJECTS_${level})
      list(APPEND objects ${own})
    endif()
    foreach(folder ${ARGN})
      get_property(own GLOBAL PROPERTY RIDGE_OBJECTS_${level}_${folder})
      list(APPEND objects ${own})
    endforeach()
  endforeach()
  add_library(${name} SHARED ${objects})
  if(ARGN)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  # dlopen, for the CUDA driver.
  target_link_libraries(${name} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
  if(RIDGE_STATIC_RUNTIME AND NOT APPLE)
    target_link_libraries(${name} PRIVATE -static-libstdc++ -static-libgcc -s)
  endif()
endfunction()
