#include "agent/cli.h"

int main(int argc, char** argv) { return tailrace::cli_main(argc, argv); }
