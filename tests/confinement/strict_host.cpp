// sluice-host, but a system call that is not on its list ends it, so that a test notices that one is missing.
#include "sluice/host/program.hpp"

int main(int argc, char** argv) {
  return sluice::host::run_host(argc, argv, sluice::host::Confinement::UnknownCalls::end_process);
}
