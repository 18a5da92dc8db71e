// The one table of numbers that Python and the browser share.

import constants from "../../../model/constants.json" with { type: "json" };

export default constants;
