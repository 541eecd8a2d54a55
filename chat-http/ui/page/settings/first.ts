/** What is done before the first paint, so that the page does not flash in the other colours. */
import { chosenTheme, useTheme } from "./theme.ts";

useTheme(chosenTheme());
