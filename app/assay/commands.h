/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The commands of `assay`
 *
 * Each takes its own arguments (argv[0] is the command's name) and returns the exit status: EXIT_FINE, EXIT_FOUND or
 * EXIT_WRONG. Results go to standard output, talk to standard error.
 */

enum exit_status {
    EXIT_FINE = 0,
    EXIT_FOUND = 1, /* findings, or a check that failed */
    EXIT_WRONG = 2, /* wrong usage or configuration, or it could not be done */
};

int command_check(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_findings(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_report(int argc, char **argv);
int command_run(int argc, char **argv);
int command_status(int argc, char **argv);
int command_top(int argc, char **argv);
