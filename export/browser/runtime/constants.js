// The one table of numbers that Python and the browser share; model/constants.py says what they mean.

import constants from "../../../model/constants.json" with { type: "json" };

export default constants;
