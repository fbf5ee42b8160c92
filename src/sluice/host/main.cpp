#include "sluice/host/program.hpp"

int main(int argc, char** argv) {
  return sluice::host::run_host(argc, argv, sluice::host::Confinement::UnknownCalls::refuse);
}
