# SPDX-License-Identifier: GPL-2.0-only
#
# A plugin of sos (sos report): the evidence that "dualbmctl report" puts together, and what
# dualbmctl says of the machine.
import os

from sos.report.plugins import Plugin, DebianPlugin, RedHatPlugin, UbuntuPlugin


# Not IndependentPlugin, which sos 4.0 of Debian 12 passes over.
class Dualbm(Plugin, DebianPlugin, RedHatPlugin, UbuntuPlugin):

    short_desc = 'Ownership of page frames (dualbm)'

    plugin_name = 'dualbm'
    profiles = ('system', 'kernel', 'memory')

    commands = ('dualbmctl',)

    def setup(self):
        # The archive is one more file beside what commands print.
        directory = self.get_cmd_output_path(make=False)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        report = os.path.join(directory, 'dualbm-report.tar.zst')
        self.add_cmd_output('dualbmctl report --seconds 2 --output ' + report,
                            suggest_filename='dualbmctl_report', timeout=150)
        self.add_cmd_output([
            'dualbmctl --json status',
            'dualbmctl check',
            'dualbmctl history --since 30d',
        ], timeout=60)
