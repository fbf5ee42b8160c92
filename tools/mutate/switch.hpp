#pragma once
// Included by every mutated source: which mutant is on. Mutants are numbered from 1; 0 is none.
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sluice_mutants {

/// SLUICE_MUTANT is the number of the mutant that is on. SLUICE_MUTANTS_REACHED is a file with a byte per
/// mutant, which becomes 1 when the mutant is reached: a mutant that no test reaches survives, and need not
/// be run.
struct Switch {
  int on = 0;
  unsigned char* reached = nullptr;

  static Switch read() {
    Switch made;
    if (const char* number = std::getenv("SLUICE_MUTANT")) made.on = std::atoi(number);
    const char* file = std::getenv("SLUICE_MUTANTS_REACHED");
    if (!file) return made;
    const int fd = open(file, O_RDWR | O_CLOEXEC);
    const off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    if (size > 0) {
      void* bytes = mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (bytes != MAP_FAILED) made.reached = static_cast<unsigned char*>(bytes);
    }
    if (fd >= 0) close(fd);
    return made;
  }
};
inline const Switch state = Switch::read();

inline bool is_on(int mutant) {
  if (state.reached) state.reached[mutant] = 1;
  return state.on == mutant;
}

}  // namespace sluice_mutants
