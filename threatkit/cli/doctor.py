"""The command that looks whether everything is in place."""

import click

from threatkit.cli.options import Format, format_option
from threatkit.cli.output import print_frame
from threatkit.errors import ThreatkitError


@click.command()
@format_option
def doctor(form: Format) -> None:
    """Check the installation: versions, engines, data.

    \b
    Example:
      threatkit doctor
    """
    import pandas as pd

    from threatkit.doctor import examine

    findings = examine()
    print_frame(pd.DataFrame([vars(finding) for finding in findings]), form)
    missing = [finding.what for finding in findings if finding.state == "missing"]
    if missing:
        raise ThreatkitError(f"missing: {', '.join(missing)}. Reinstall threatkit")
