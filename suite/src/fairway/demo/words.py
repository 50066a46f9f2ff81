"""The words the generator builds with. All firms and people are invented."""

SURNAMES = {
    "王": "wang",
    "李": "li",
    "张": "zhang",
    "刘": "liu",
    "陈": "chen",
    "杨": "yang",
    "赵": "zhao",
    "黄": "huang",
    "周": "zhou",
    "吴": "wu",
    "徐": "xu",
    "孙": "sun",
    "胡": "hu",
    "朱": "zhu",
    "高": "gao",
    "林": "lin",
    "何": "he",
    "郭": "guo",
    "马": "ma",
    "罗": "luo",
    "梁": "liang",
    "宋": "song",
    "郑": "zheng",
    "谢": "xie",
    "韩": "han",
    "唐": "tang",
    "冯": "feng",
    "于": "yu",
    "董": "dong",
    "萧": "xiao",
    "欧阳": "ouyang",
    "上官": "shangguan",
}

GIVEN_NAMES = {
    "m": {
        "建国": "jianguo",
        "志强": "zhiqiang",
        "宇轩": "yuxuan",
        "浩然": "haoran",
        "明哲": "mingzhe",
        "俊杰": "junjie",
        "海涛": "haitao",
        "文斌": "wenbin",
        "立新": "lixin",
        "晓东": "xiaodong",
        "伟": "wei",
        "磊": "lei",
        "军": "jun",
        "鹏飞": "pengfei",
        "思远": "siyuan",
        "国栋": "guodong",
    },
    "f": {
        "丽华": "lihua",
        "秀英": "xiuying",
        "雨桐": "yutong",
        "欣怡": "xinyi",
        "静": "jing",
        "敏": "min",
        "晓燕": "xiaoyan",
        "佳琪": "jiaqi",
        "雪梅": "xuemei",
        "慧": "hui",
        "婷婷": "tingting",
        "诗涵": "shihan",
        "玉兰": "yulan",
        "春霞": "chunxia",
        "芳": "fang",
        "思琪": "siqi",
    },
}

ENGLISH_NAMES = (
    ("Grace Whitfield", "f"),
    ("Daniel Okafor", "m"),
    ("Sofia Lindqvist", "f"),
    ("Marcus Tanaka", "m"),
    ("Priya Raman", "f"),
    ("Tom Hollis", "m"),
)

BRANDS = {
    "澜川": "lanchuan",
    "砺石": "lishi",
    "沐禾": "muhe",
    "晟野": "shengye",
    "岱岳": "daiyue",
    "溯源": "suyuan",
    "芷江": "zhijiang",
    "铭泽": "mingze",
    "昀和": "yunhe",
    "朔风": "shuofeng",
    "衡峪": "hengyu",
    "启沃": "qiwo",
    "湛蓝": "zhanlan",
    "青榆": "qingyu",
    "珩山": "hengshan",
    "瀚屿": "hanyu",
    "稷下": "jixia",
    "扶风": "fufeng",
    "翊诚": "yicheng",
    "松屹": "songyi",
    "禹程": "yucheng",
    "云阙": "yunque",
    "拓野": "tuoye",
    "嘉陵源": "jialingyuan",
    "鹿鸣": "luming",
    "海晏": "haiyan",
    "恒汐": "hengxi",
    "川穹": "chuanqiong",
    "北斐": "beifei",
    "金檀": "jintan",
    "玄圃": "xuanpu",
    "昭明": "zhaoming",
    "泓远": "hongyuan",
    "沧屿": "cangyu",
    "景行": "jingxing",
    "安澜": "anlan",
}

ENGLISH_BRANDS = (
    "Northgate",
    "Harrowfield",
    "Lakemont",
    "Silverfern",
    "Redwater",
    "Kestrel",
    "Ashbourne",
    "Bluepeak",
)

# Code, Chinese word in a firm's name, English word in a firm's name, share of the customers.
INDUSTRIES = (
    ("chemicals", "化工", "Chemicals", 20),
    ("water", "水务", "Water", 16),
    ("pharmaceuticals", "制药", "Pharma", 12),
    ("food", "食品", "Foods", 12),
    ("power", "电力", "Power", 10),
    ("metals", "冶金", "Metals", 9),
    ("paper", "纸业", "Paper", 7),
    ("semiconductors", "微电子", "Semiconductor", 7),
    ("environment", "环保", "Environmental", 7),
)

# Code, name, English name, share of the business, how well deals go, provinces.
REGIONS = (
    (
        "HD",
        "华东",
        "East China",
        30,
        0.58,
        (
            ("SH", "上海", "Shanghai", "上海"),
            ("JS", "江苏", "Jiangsu", "苏州"),
            ("ZJ", "浙江", "Zhejiang", "宁波"),
            ("SD", "山东", "Shandong", "青岛"),
        ),
    ),
    (
        "HN",
        "华南",
        "South China",
        22,
        0.55,
        (("GD", "广东", "Guangdong", "佛山"), ("FJ", "福建", "Fujian", "泉州")),
    ),
    (
        "HB",
        "华北",
        "North China",
        17,
        0.5,
        (("BJ", "北京", "Beijing", "北京"), ("HE", "河北", "Hebei", "唐山")),
    ),
    (
        "HZ",
        "华中",
        "Central China",
        12,
        0.47,
        (("HUB", "湖北", "Hubei", "武汉"), ("HUN", "湖南", "Hunan", "株洲")),
    ),
    (
        "XN",
        "西南",
        "Southwest China",
        10,
        0.45,
        (("SC", "四川", "Sichuan", "德阳"), ("CQ", "重庆", "Chongqing", "重庆")),
    ),
    ("DB", "东北", "Northeast China", 5, 0.38, (("LN", "辽宁", "Liaoning", "大连"),)),
    ("XB", "西北", "Northwest China", 4, 0.4, (("SN", "陕西", "Shaanxi", "西安"),)),
)

# Series, kind, unit, and its models: key, Chinese name, English name, list price in CNY.
CATALOGUE = (
    (
        "离心泵 Centrifugal pumps",
        "own",
        "台",
        (
            ("CP32", "CP32 离心泵", "Centrifugal pump, 32 mm", "6800"),
            ("CP50", "CP50 离心泵", "Centrifugal pump, 50 mm", "11200"),
            ("CP65", "CP65 离心泵", "Centrifugal pump, 65 mm", "15600"),
            ("CP80", "CP80 离心泵", "Centrifugal pump, 80 mm", "22400"),
            ("CP100", "CP100 离心泵", "Centrifugal pump, 100 mm", "31800"),
            ("CP150", "CP150 双吸离心泵", "Double-suction pump, 150 mm", "68000"),
            ("CP200", "CP200 双吸离心泵", "Double-suction pump, 200 mm", "96500"),
        ),
    ),
    (
        "容积泵 Displacement pumps",
        "own",
        "台",
        (
            ("SP20", "SP20 螺杆泵", "Screw pump, 20 m³/h", "27600"),
            ("SP45", "SP45 螺杆泵", "Screw pump, 45 m³/h", "48900"),
            ("MP5", "MP5 计量泵", "Metering pump, 5 l/h", "8900"),
            ("MP50", "MP50 计量泵", "Metering pump, 50 l/h", "13400"),
            ("DP40", "DP40 隔膜泵", "Diaphragm pump, 40 mm", "9600"),
            ("VP300", "VP300 真空泵", "Vacuum pump, 300 m³/h", "54200"),
        ),
    ),
    (
        "阀门 Valves",
        "own",
        "台",
        (
            ("BV25", "BV25 球阀", "Ball valve, DN25", "860"),
            ("BV80", "BV80 球阀", "Ball valve, DN80", "2450"),
            ("FV150", "FV150 蝶阀", "Butterfly valve, DN150", "1980"),
            ("FV400", "FV400 蝶阀", "Butterfly valve, DN400", "9400"),
            ("GV100", "GV100 闸阀", "Gate valve, DN100", "2760"),
            ("CV50", "CV50 调节阀", "Control valve, DN50", "18600"),
            ("CV100", "CV100 调节阀", "Control valve, DN100", "32500"),
            ("SV40", "SV40 安全阀", "Safety valve, DN40", "4300"),
        ),
    ),
    (
        "外协件 Outsourced parts",
        "outsourced",
        "件",
        (
            ("EA20", "EA20 电动执行器", "Electric actuator", "7200"),
            ("PA15", "PA15 气动执行器", "Pneumatic actuator", "4600"),
            ("VFD55", "VFD55 变频器", "Frequency converter, 55 kW", "21800"),
            ("MS80", "MS80 机械密封", "Mechanical seal, 80 mm", "3900"),
            ("FM100", "FM100 流量计", "Flow meter, DN100", "12600"),
        ),
    ),
    (
        "服务 Services",
        "services",
        "次",
        (
            ("S-COM", "现场调试", "Commissioning on site", "12000"),
            ("S-OVH", "泵组大修", "Pump overhaul", "28000"),
            ("S-MNT", "年度保养", "Yearly maintenance", "18500"),
            ("S-RMT", "远程监测", "Remote monitoring, one year", "9800"),
            ("S-AUD", "泵站节能诊断", "Energy audit of a pumping station", "36000"),
        ),
    ),
    (
        "培训 Training",
        "training",
        "期",
        (
            ("T-OPS", "泵站运维培训", "Training: running a pumping station", "16800"),
            ("T-VLV", "阀门选型培训", "Training: choosing valves", "9800"),
        ),
    ),
)

PROJECTS = {
    "离心泵 Centrifugal pumps": ("循环水泵更换", "供水泵站改造", "冷却水系统扩建", "二次供水项目"),
    "容积泵 Displacement pumps": ("加药系统升级", "污泥输送改造", "真空系统新建", "原料输送线"),
    "阀门 Valves": ("蒸汽管网阀门", "装置阀门更换", "新产线阀门配套", "阀门年度框架"),
    "外协件 Outsourced parts": ("自动化改造", "变频节能改造", "仪表与执行器配套"),
    "服务 Services": ("年度维保", "泵组大修", "节能诊断", "远程监测接入"),
    "培训 Training": ("运维团队培训", "选型培训"),
}

LOST_REASONS = (
    "价格 price",
    "交期 delivery time",
    "选择竞争对手 competitor chosen",
    "项目取消 project cancelled",
    "预算推迟 budget postponed",
)

LEAD_SOURCES = ("web", "fair", "referral", "partner", "phone", "email")
LEAD_LOST_REASONS = (
    "联系不上 cannot be reached",
    "没有预算 no budget",
    "不在产品范围 not what we sell",
)

CONTACT_POSITIONS = ("设备部经理", "采购经理", "生产副总", "动力车间主任", "项目工程师", "总工程师")

# Channel, direction, subject, result.
TALKS = (
    ("visit", "outbound", "现场勘查泵房", "已取得工况参数，下周提交方案"),
    ("phone", "outbound", "跟进报价", "客户要求补充能效数据"),
    ("meeting", "outbound", "技术交流会", "确认介质与材质要求"),
    ("email", "inbound", "Request for data sheets", "Sent curves and dimensions"),
    ("chat", "inbound", "询问备件交期", "答复：库存三天内发货"),
    ("phone", "inbound", "Question about the invoice", "Forwarded to finance"),
    ("visit", "outbound", "年度回访", "运行良好，计划明年扩容"),
    ("email", "outbound", "Quotation follow-up", "Decision expected next month"),
)

# Category, subject, description, solution.
COMPLAINTS = (
    ("pump.seal", "机械密封泄漏", "运行两周后轴封滴漏，约每分钟二十滴。", "更换机械密封，重新对中"),
    ("pump.vibration", "泵体振动超标", "振动值 7.1 mm/s，伴随异响。", "校正联轴器，紧固地脚螺栓"),
    ("pump.flow", "流量达不到额定值", "开度全开，流量只有额定的八成。", "清洗叶轮并调整进口阀门"),
    ("valve.leak", "阀门内漏", "关闭后下游仍有压力。", "研磨密封面，更换阀座"),
    (
        "valve.actuator",
        "Actuator does not close",
        "Stops at 80 % of the stroke.",
        "New limit switch",
    ),
    ("parts.missing", "到货缺件", "装箱单上的备件少两件。", "补发备件，已签收"),
    ("parts.delivery", "Spare parts are late", "Promised for Monday.", "Sent by express"),
    ("advice.selection", "选型咨询", "介质含固量 3 %，请推荐型号。", "推荐 SP45，附选型计算书"),
    ("advice.operation", "操作咨询", "变频器参数如何设置？", "电话指导完成参数设置"),
)
